//! The interface that each route implements.

/// What a route answers.
#[derive(lcr::Abi)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The text.
    pub body: String,
}

/// Answers the requests below one path.
#[lcr::interface(name = "web.route", version = 1)]
pub trait Route {
    /// Answers a request for `rest`, which is what follows the route's path.
    async fn answer(&self, rest: &str) -> Result<Reply, lcr::Fault>;
}
