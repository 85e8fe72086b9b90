//! Linked and loaded, a component logs the same.

use lcr_tests::{in_a_process_of_its_own, scribe::Scribe as _};
use tracing::{
    info_span,
    subscriber::{set_global_default, with_default},
};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use super::{captor::Captor, scribes};

#[test]
fn spans_and_events_arrive_with_fields_and_parents() {
    in_a_process_of_its_own(|| {
        let captor = Captor::default();
        set_global_default(Registry::default().with(captor.clone())).unwrap();
        let [linked, loaded] = scribes().map(|(_rt, scribe)| {
            scribe.story();
            captor.take()
        });
        assert_eq!(loaded, linked);
        let has = |begin: &str, end: &str| loaded.iter().any(|line| line.starts_with(begin) && line.ends_with(end));
        let long = "long ".repeat(100);
        let all = format!(
            "outer{{ i:i64=0}}: message:debug=with 14 of fields small:i64=-5 large:u64={} wide:i128={} widest:u128={} real:f64=1.5 \
             yes:bool=true text:str=\"a \\\"text\\\"\" bytes:bytes=[1, 255] shown:debug=shown debugged:debug=Some(3) \
             error:error=[\"the outer error\", \"{}\"] long:str=\"{long}\" last:i64=14",
            u64::MAX,
            i128::MIN,
            u128::MAX,
            std::fmt::Error
        )
        .replace("with 14 of fields", "with all kinds of fields");
        assert!(has("event INFO desk desk:", &all), "{all}\n{loaded:#?}");
        assert!(has("record outer later", ":str=\"now\""), "{loaded:#?}");
        let outer = "outer{ i:i64=0 later:str=\"now\"}:";
        let inner = format!("{outer}inner{{ child:str=\"yes\"}}:");
        assert!(has(
            "event WARN elsewhere desk:",
            &format!("{inner} message:debug=two spans deep talkative:debug=talkative")
        ));
        let nested = format!("{inner} message:debug=while it is formatted inner:str=\"a text of the inner event\"");
        assert!(has("event INFO desk desk:", &nested), "{loaded:#?}");
        assert!(has("event ERROR desk desk:", &format!("{inner} message:debug=in a span that is not entered")));
        assert!(has("event INFO desk desk:", "  message:debug=in no span"));
        assert!(has("event INFO desk desk:", "root{}: message:debug=with an explicit parent"));
        assert!(has("event INFO desk desk:", "root{}:leaf{}: message:debug=in a leaf of the root"));
        assert!(has("event DEBUG desk desk:", "  message:debug=after all of them, in Some(\"outer\")"));
        for (line, times) in [("enter inner", 1), ("exit inner", 1), ("inner follows outer", 1), ("close inner", 1)] {
            assert_eq!(loaded.iter().filter(|found| *found == line).count(), times, "{line}: {loaded:#?}");
        }
        let closed = ["inner", "leaf", "root", "outer"].map(|name| format!("close {name}"));
        assert_eq!(loaded.iter().filter(|line| line.starts_with("close")).cloned().collect::<Vec<_>>(), closed);
    });
}

#[test]
fn a_span_of_the_program_is_the_parent_and_takes_values_of_the_component() {
    let [linked, loaded] = scribes().map(|(_rt, scribe)| {
        let captor = Captor::default();
        with_default(Registry::default().with(captor.clone()), || {
            let name = info_span!(target: "desk.rs", "request", path = "/x", guest = tracing::field::Empty);
            captor.take();
            let name = name.in_scope(|| scribe.visit("a guest"));
            assert_eq!(name.as_deref(), Some("request"));
            captor.take()
        })
    });
    let entered = linked[..2].to_vec();
    assert_eq!(entered, ["enter request", "record request guest:str=\"a guest\""]);
    // A scoped subscriber is one of its thread, so the component's thread has another.
    assert_eq!(loaded, linked);
}
