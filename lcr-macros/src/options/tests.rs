//! The tables, and what reading refuses whatever the attribute.

use quote::quote;

use super::{
    Field, Options, StateKey,
    table::{AbiOptions, ComponentOptions, InterfaceOptions, LayoutOptions, MainOptions},
};
use crate::refusal::Refusals;

fn messages<O: Options>(arguments: proc_macro2::TokenStream) -> Vec<String> {
    let mut refusals = Refusals::default();
    O::read(arguments, &mut refusals);
    refusals.messages()
}

#[test]
fn each_key_is_read_as_its_usage_writes_it() {
    fn check<O: Options>() {
        for (key, usage) in O::KEYS {
            assert!(usage.starts_with(key), "{key} is written as {usage}");
            assert_eq!(messages::<O>(usage.parse().unwrap()), [""; 0], "{usage}");
            let misspelt = format!("{key} = !").parse().unwrap();
            assert_eq!(messages::<O>(misspelt), [format!("this key is written as `{usage}`")]);
        }
    }
    check::<InterfaceOptions>();
    check::<ComponentOptions>();
    check::<AbiOptions>();
    check::<LayoutOptions>();
    check::<MainOptions>();
}

#[test]
fn the_first_of_two_values_stays_and_reading_goes_on_behind_a_mistake() {
    let mut refusals = Refusals::default();
    let options = ComponentOptions::read(
        quote!(name = "a", name = "b", create(x), craete = x, name = "c", state, version = "1"),
        &mut refusals,
    );
    assert_eq!(options.name.given().unwrap().value.0, "a");
    assert!(matches!(options.create, Field::Refused));
    assert!(matches!(options.state.given(), Some(StateKey::Implemented)));
    let messages = refusals.messages();
    assert_eq!(messages.len(), 5, "{messages:#?}");
    assert!(messages[0].contains("`name` is given twice") && messages[3].contains("`name` is given twice"));
    assert!(messages[1].contains("`create = Self::open`") && messages[2].contains("no key `craete`"));
    assert!(messages[4].contains("semantic"));
}
