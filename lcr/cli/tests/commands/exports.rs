//! `exports`: the methods of files and of processes.

use crate::{
    harness::{component, run},
    server::Place,
};

#[test]
fn exports_shows_the_methods_of_a_file_with_the_names_of_their_arguments() {
    run(["exports", &component("desk")]).with(0).golden("exports.txt", ());
    let found = run(["exports", &component("desk"), "--json"]).with(0).json();
    let owner = &found["exports"][0]["methods"][2];
    assert_eq!((&owner["name"], &owner["id"], &owner["pure"]), (&"owner".into(), &2.into(), &true.into()), "{found}");
    assert_eq!(owner["arguments"][0]["secret"], true, "{found}");
    run(["exports", "no-such.so"]).with(66);
}

#[test]
fn exports_shows_what_a_process_serves_and_the_patches_on_it() {
    let place = Place::new();
    let mut server = place.start(&["till_2", "desk"]);
    let all = place.run(["exports"]).with(0).stdout;
    assert!(all.contains("shop.desk v1 of desk 1.0.0") && all.contains("shop.till v1 of till 2.0.0"), "{all}");
    assert_eq!(server.tell("patch"), "done");
    place.run(["exports", "till"]).with(0).golden("exports_patched.txt", ());
    let found = place.run(["exports", "till", "--json"]).with(0).json();
    let methods = found["exports"][0]["methods"].as_array().unwrap();
    assert_eq!(methods[2]["patches"][0]["name"], "friendly", "{found}");
    assert_eq!(place.run(["call", "shop.till.title"]).with(0).stdout, "\"till, with receipts, at your service\"\n");
    place.run(["exports", "nobody"]).with(66).complains("not present");
}
