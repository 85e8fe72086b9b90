//! Components and programs that are built against different editions of an interface with async methods.

use lcr::{ErrorKind, Handle};
use lcr_tests::{
    component, empty_runtime,
    kitchen::menu::{first, plain, second},
};

use super::executors::block_on;

#[test]
fn a_component_that_lacks_an_async_method_is_served_by_the_default_body() {
    use second::Menu as _;
    let rt = empty_runtime();
    rt.load(component("menu_first")).unwrap();
    let menu: Handle<dyn second::Menu> = rt.service().unwrap();
    let dishes = ["soup", "bread"].map(str::to_owned).to_vec();
    assert_eq!(block_on(menu.sum(dishes.clone(), "tea")), 12);
    let pinned = Handle::pin(&menu).unwrap();
    assert_eq!(block_on(pinned.sum(dishes, "")), 9);
}

#[test]
fn async_and_plain_are_two_signatures() {
    for (given, wanted) in [("menu_first", false), ("menu_plain", true)] {
        let rt = empty_runtime();
        rt.load(component(given)).unwrap();
        let error = if wanted {
            rt.service::<dyn first::Menu>().unwrap_err()
        } else {
            rt.service::<dyn plain::Menu>().unwrap_err()
        };
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        let text = error.to_string();
        assert!(text.contains("price: result: expected"), "{text}");
        assert!(text.contains("impl Future<Output = u32>"), "{text}");
    }
}

#[test]
fn a_replacement_by_the_other_kind_is_refused_and_the_old_one_serves() {
    use first::Menu as _;
    let rt = empty_runtime();
    rt.load(component("menu_first")).unwrap();
    let menu: Handle<dyn first::Menu> = rt.service().unwrap();
    let error = rt.replace(component("menu_plain")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert_eq!(block_on(menu.price("soup")), 4);
}
