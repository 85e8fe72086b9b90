pub(crate) mod journal;
pub(crate) mod notify_client;
pub(crate) mod notify_server;
pub(crate) mod sd_notify;
