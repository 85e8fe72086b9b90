//! The program's filters hold for components, before anything is formatted, and at once when they change.

use lcr_tests::{in_a_process_of_its_own, scribe::Scribe as _};
use tracing::{level_filters::LevelFilter, subscriber::set_global_default};
use tracing_subscriber::{Layer as _, Registry, filter::Targets, layer::SubscriberExt as _, reload};

use super::{captor::Captor, loaded, scribes};

fn messages(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split("message:debug=").nth(1)).collect()
}

#[test]
fn filters_hold_also_after_a_reload() {
    in_a_process_of_its_own(|| {
        let captor = Captor::default();
        let (level, change) = reload::Layer::new(LevelFilter::INFO);
        set_global_default(Registry::default().with(level).with(captor.clone())).unwrap();
        for (_rt, scribe) in scribes() {
            let chatter = |expected: u64| {
                // Twice, because `tracing` and the border remember.
                for _ in 0..2 {
                    assert_eq!(scribe.chatter(), expected);
                    let lines = captor.take();
                    assert_eq!(messages(&lines).len() as u64, expected, "{lines:?}");
                }
            };
            for _ in 0..3 {
                change.reload(LevelFilter::INFO).unwrap();
                chatter(3);
                change.reload(LevelFilter::TRACE).unwrap();
                chatter(5);
                change.reload(LevelFilter::OFF).unwrap();
                chatter(0);
                change.reload(LevelFilter::ERROR).unwrap();
                chatter(1);
            }
        }
    });
}

#[test]
fn filters_by_target_hold_also_after_a_reload() {
    in_a_process_of_its_own(|| {
        let captor = Captor::default();
        // A filter of one layer, for which `tracing` asks each time.
        let (targets, change) = reload::Layer::new(Targets::new().with_default(LevelFilter::WARN));
        set_global_default(Registry::default().with(captor.clone().with_filter(targets))).unwrap();
        for (_rt, scribe) in scribes() {
            scribe.story();
            change.reload(Targets::new().with_default(LevelFilter::WARN)).unwrap();
            captor.take();
            scribe.story();
            let lines = captor.take();
            assert_eq!(messages(&lines), ["two spans deep talkative:debug=talkative", "in a span that is not entered"]);
            change.reload(Targets::new().with_target("elsewhere", LevelFilter::TRACE)).unwrap();
            scribe.story();
            let lines = captor.take();
            assert_eq!(messages(&lines), ["two spans deep talkative:debug=talkative"]);
            assert!(lines.iter().any(|line| line.ends_with("inner{ child:str=\"yes\"}:")), "{lines:?}");
        }
    });
}

#[test]
fn a_subscriber_that_comes_after_the_component_is_heard() {
    in_a_process_of_its_own(|| {
        let (_rt, scribe) = loaded("scribe");
        for _ in 0..3 {
            assert_eq!(scribe.chatter(), 0, "nobody listens");
        }
        let captor = Captor::default();
        set_global_default(Registry::default().with(captor.clone())).unwrap();
        assert_eq!(scribe.chatter(), 5);
        assert_eq!(captor.take().len(), 5);
    });
}

#[test]
fn a_subscriber_of_the_components_own_loses_nothing() {
    in_a_process_of_its_own(|| {
        let captor = Captor::default();
        let (level, change) = reload::Layer::new(LevelFilter::OFF);
        set_global_default(Registry::default().with(level).with(captor.clone())).unwrap();
        let (_rt, scribe) = loaded("scribe");
        for _ in 0..3 {
            assert_eq!((scribe.chatter(), scribe.own_subscriber(), captor.take().len()), (0, 15, 0));
            change.reload(LevelFilter::TRACE).unwrap();
            assert_eq!((scribe.chatter(), scribe.own_subscriber(), captor.take().len()), (5, 15, 20));
            change.reload(LevelFilter::OFF).unwrap();
        }
    });
}

#[test]
fn a_subscriber_that_an_initialiser_of_the_component_has_set_stays() {
    in_a_process_of_its_own(|| {
        let captor = Captor::default();
        let (level, change) = reload::Layer::new(LevelFilter::TRACE);
        set_global_default(Registry::default().with(level).with(captor.clone())).unwrap();
        let (rt, scribe) = loaded("scribe_own_logger");
        // It formats nothing.
        assert_eq!((scribe.chatter(), scribe.own_logger()), (0, 5));
        change.reload(LevelFilter::OFF).unwrap();
        assert_eq!((scribe.chatter(), scribe.own_logger()), (0, 10), "the program's filter is not the component's");
        assert!(captor.take().is_empty());
        // The next version has none.
        rt.replace(lcr_tests::component("scribe")).unwrap();
        change.reload(LevelFilter::TRACE).unwrap();
        assert_eq!((scribe.chatter(), captor.take().len()), (5, 5));
    });
}
