//! What an image that goes away leaves with the program.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use lcr_tests::{component, in_a_process_of_its_own, scribe::Scribe as _, wait_until};
use tracing::{Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest, subscriber::set_global_default};
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt as _, reload};

use super::{captor::Captor, loaded};

/// The callsites of components that `tracing` has asked about.
#[derive(Clone, Default)]
struct Callsites(Arc<Mutex<BTreeSet<usize>>>);

impl<S: Subscriber> Layer<S> for Callsites {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.file().is_some_and(|file| file.contains("scribe")) {
            self.0.lock().unwrap().insert(std::ptr::from_ref(metadata).addr());
        }
        Interest::always()
    }
}

#[test]
fn an_image_that_is_unmapped_leaves_no_span_open_and_is_not_called_again() {
    in_a_process_of_its_own(|| {
        let (captor, callsites) = (Captor::default(), Callsites::default());
        let (level, change) = reload::Layer::new(LevelFilter::TRACE);
        set_global_default(Registry::default().with(level).with(callsites.clone()).with(captor.clone())).unwrap();
        log::set_max_level(log::LevelFilter::Info);
        let (rt, scribe) = loaded("scribe_unload");
        let mut known = 0;
        for round in 1..=20 {
            scribe.keep_open();
            assert_eq!(scribe.log(), 1);
            let lines = captor.take();
            assert!(lines.iter().any(|line| line.ends_with("open{}: message:debug=opened")), "{lines:#?}");
            rt.replace(component("scribe_unload")).unwrap();
            // The next one calls it: a thread that has been inside the old image settles.
            wait_until("the old image is unmapped", || {
                scribe.count(0, 0);
                rt.status().retained_images == 0
            });
            let lines = captor.take();
            assert_eq!(lines.iter().filter(|line| *line == "close open").count(), 1, "{round}: {lines:#?}");
            assert_eq!(lines.iter().filter(|line| line.ends_with("goodbye")).count(), 1, "{round}: {lines:#?}");
            // Tells every callsite, of which none may be one of the old image.
            change.reload(LevelFilter::OFF).unwrap();
            change.reload(LevelFilter::TRACE).unwrap();
            log::set_max_level(if round % 2 == 0 { log::LevelFilter::Info } else { log::LevelFilter::Warn });
            if round == 1 {
                known = callsites.0.lock().unwrap().len();
                assert_eq!(known, 3);
            }
        }
        assert_eq!(callsites.0.lock().unwrap().len(), known, "a callsite that comes again is the same one");
    });
}
