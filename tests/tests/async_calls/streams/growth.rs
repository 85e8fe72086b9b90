//! Components and programs that are built against different editions of an interface with streams.

use std::sync::Arc;

use futures_util::StreamExt as _;
use lcr::{ErrorKind, Handle, manifest::Manifest};
use lcr_tests::{
    brook::well::{first, later, second, wide},
    component, empty_runtime,
    executor::{CountingTask, block_on},
};

#[test]
fn a_component_that_lacks_a_stream_is_served_by_the_default_body() {
    use second::Well as _;
    let rt = empty_runtime();
    rt.load(component("well_first")).unwrap();
    let well: Handle<dyn second::Well> = rt.service().unwrap();
    let (odd, salt) = (|depth: u32| depth % 2 == 1, Arc::new(10));
    let given = || {
        let salt = Arc::clone(&salt);
        Box::new(move |depth| depth * *salt)
    };
    let sums: Vec<u32> = block_on(well.sums(5, &odd, given()).collect());
    assert_eq!(sums, [10, 40, 90]);
    let pinned = Handle::pin(&well).unwrap();
    let mut sums = Box::pin(pinned.sums(1, &odd, given()));
    assert_eq!((block_on(sums.next()), Arc::strong_count(&salt)), (Some(10), 2));
    assert_eq!((block_on(sums.next()), Arc::strong_count(&salt)), (None, 1));
    let task = Arc::new(CountingTask::default());
    assert!(task.poll_next(sums.as_mut()).is_ready(), "the end lasts");
}

#[test]
fn a_stream_another_item_and_an_async_fn_are_different_signatures() {
    for (given, expected, found) in [
        ("well_first", "impl Future<Output = u32>", "impl Stream<Item = u32>"),
        ("well_first", "u64", "u32"),
        ("well_later", "impl Stream<Item = u32>", "impl Future<Output = u32>"),
    ] {
        let rt = empty_runtime();
        rt.load(component(given)).unwrap();
        let error = match expected {
            "u64" => rt.service::<dyn wide::Well>().unwrap_err(),
            _ if given == "well_first" => rt.service::<dyn later::Well>().unwrap_err(),
            _ => rt.service::<dyn first::Well>().unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("depths: result: ") && text.contains(&format!("expected {expected}, found {found}")),
            "{text}"
        );
    }
}

#[test]
fn a_replacement_by_the_other_kind_is_refused_and_the_old_one_serves() {
    use first::Well as _;
    let rt = empty_runtime();
    rt.load(component("well_first")).unwrap();
    let well: Handle<dyn first::Well> = rt.service().unwrap();
    let mut depths = Box::pin(well.depths(3));
    assert_eq!(block_on(depths.next()), Some(1));
    let error = rt.replace(component("well_later")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert_eq!(block_on(depths.collect::<Vec<_>>()), [2, 3]);
    assert_eq!(block_on(well.depths(2).collect::<Vec<_>>()), [1, 2]);
}

#[test]
fn a_manifest_says_which_methods_return_streams() {
    let manifest = Manifest::read(component("well_first")).unwrap();
    let [depths] = &manifest.exports[0].methods[..] else { panic!("{manifest:?}") };
    assert_eq!(depths.shape.to_string(), "fn depths(&self, u32) -> impl Stream<Item = u32>");
    assert!(depths.shape.is_stream() && !depths.shape.is_async());
    assert_eq!(depths.shape.result().map(ToString::to_string).as_deref(), Some("u32"));
}
