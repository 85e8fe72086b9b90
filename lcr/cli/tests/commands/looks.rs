//! Commands that look at a running process, and how the process is found.

use std::thread;

use crate::{harness::component, server::Place};

#[test]
fn ls_lists_the_components_and_status_means_the_same() {
    let place = Place::new();
    let server = place.start(&["till_1", "clerk"]);
    place.run(["ls"]).with(0).golden("ls.txt", &server);
    assert_eq!(place.run(["status"]).with(0).stdout, place.run(["ls", "--pid", &server.pid()]).with(0).stdout);
    let status = place.run(["ls", "--json"]).with(0).json();
    let names: Vec<_> = status["components"].as_array().unwrap().iter().map(|each| each["name"].as_str()).collect();
    assert_eq!(names, [Some("clerk"), Some("till")], "{status}");
}

#[test]
fn ps_lists_the_processes_and_those_that_were_killed_are_not_among_them() {
    let place = Place::new();
    place.run(["ps"]).with(1).complains("lcr::control::serve(&runtime)");
    let (one, mut two) = (place.start(&["till_1"]), place.start(&["till_2"]));
    let pids = || {
        let listed = place.run(["ps", "--json"]).with(0).json();
        let mut pids: Vec<String> =
            listed["processes"].as_array().unwrap().iter().map(|each| each["pid"].to_string()).collect();
        pids.sort();
        pids
    };
    let mut both = vec![one.pid(), two.pid()];
    both.sort();
    assert_eq!(pids(), both);
    let text = place.run(["ps"]).with(0).stdout;
    assert!(text.contains("shop_server") && text.contains("serves"), "{text}");
    two.kill();
    assert_eq!(pids(), [one.pid()]);
    // The only one that is left is meant.
    place.run(["ls"]).with(0);
}

#[test]
fn a_process_is_found_by_number_name_socket_and_variable_or_it_is_said_how() {
    let place = Place::new();
    // PEERS 65: a command that reached nobody ended with 0.
    place.run(["ls"]).with(69).complains("lcr::control::serve(&runtime)");
    let (one, two) = (place.start(&["till_1"]), place.start(&["till_2"]));
    place.run(["ls"]).with(64).complains(&format!("--pid {}", one.pid()));
    place.run(["ls", "--pid", &two.pid()]).with(0);
    place.run(["ls", "--name", "shop_server"]).with(64).complains("several processes");
    place.run(["ls", "--name", "no-such"]).with(69).complains("no process called `no-such`");
    place.run(["ls", "--pid", "1"]).with(69).complains("process 1 has no control socket");
    let socket = one.socket.to_str().unwrap();
    place.run(["ls", "--socket", socket]).with(0);
    place.run(["ls", "--socket", "/nowhere.sock"]).with(69).complains("/nowhere.sock");
    place.run(["ls", "--socket", socket, "--pid", "1"]).with(64);
    let ended = crate::harness::end(place.lcr().arg("ls").env("LCR_SOCKET", socket)).with(0);
    assert!(ended.stdout.contains(&one.pid()), "{ended:?}");
    let failed = place.run(["ls", "--json", "--name", "no-such"]).with(69).json();
    assert_eq!(failed["error"]["kind"], "no-process", "{failed}");
}

#[test]
fn root_means_its_own_processes_and_believes_the_kernel_of_those_of_other_users() {
    use std::os::unix::fs::{chown, lchown};
    let place = Place::new();
    let server = place.start(&["till_1"]);
    let pid = server.pid();
    if !nix::unistd::geteuid().is_root() {
        println!("only root sees the sockets of other users: not tried");
        place.run(["ls", "--uid", "0"]).with(69);
        return;
    }
    place.run(["ls", "--uid", "0"]).with(0);
    // A process of this user, at a socket that says that it is another one's.
    let another = 65_534;
    lchown(&server.socket, Some(another), None).unwrap();
    chown(server.socket.parent().unwrap(), Some(another), None).unwrap();
    place.run(["ls"]).with(69);
    place.run(["ls", "--pid", &pid]).with(69).complains("--uid 65534");
    place.run(["ls", "--name", "shop_server"]).with(69).complains("--uid 65534");
    place.run(["ls", "--pid", &pid, "--uid", "65534"]).with(77).complains("listens there");
    place.run(["ls", "--uid", "65534"]).with(77);
    let listed = place.run(["ps", "--json"]).with(0).json();
    assert!(listed["processes"].as_array().unwrap().iter().any(|each| each["state"] == "untrusted"), "{listed}");
    place.run(["ls", "--socket", server.socket.to_str().unwrap()]).with(0);
}

#[test]
fn stragglers_say_who_holds_a_replaced_instance() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    place.run(["stragglers"]).with(0).golden("stragglers_none.txt", &server);
    assert_eq!(server.tell("pin"), "done");
    // What is replaced under a pin stays for it, and the pin is named.
    place.run(["replace", &component("till_2"), "--timeout", "500ms"]).with_any();
    let pins = place.run(["pins", "--json"]).with(0).json();
    let pins = pins["pins"].as_array().unwrap();
    assert!(pins.len() == 1 && pins[0]["thread"] == "main", "{pins:?}");
    let text = place.run(["pins"]).with(0).stdout;
    assert!(text.contains("main"), "{text}");
    assert_eq!(server.tell("unpin"), "done");
    assert_eq!(place.run(["pins"]).with(0).stdout, "nobody holds a pin\n");
}

#[test]
fn events_are_followed_as_they_happen() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    let mut command = place.lcr();
    command.args(["events", "--json", "--count", "2"]);
    let follower = thread::spawn(move || crate::harness::end(&mut command));
    // Refusals go on until the follower has seen two, as nobody says when it has begun.
    while !follower.is_finished() {
        place.run(["add", "/nowhere.so"]).with(66);
    }
    let ended = follower.join().unwrap().with(0);
    let events: Vec<serde_json::Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2, "{ended:?}");
    assert_eq!((&events[0]["event"], &events[0]["kind"]), (&"refused".into(), &"not-found".into()), "{ended:?}");
    assert_eq!(server.tell("sell"), "100");
}

#[test]
fn why_tells_the_last_refusals_in_full() {
    let place = Place::new();
    let server = place.start(&["till_1"]);
    let told = place.run(["why"]).with(0).stdout;
    assert_eq!(told, "nothing was refused\n");
    place.run(["add", "/nowhere.so", "--reason", "ticket 81"]).with(66);
    place.run(["why"]).with(0).golden("why.txt", &server);
    let refusals = place.run(["why", "--json", "-c", "5"]).with(0).json();
    assert_eq!(refusals["refusals"].as_array().unwrap().len(), 1, "{refusals}");
    assert_eq!(refusals["refusals"][0]["reason"], "ticket 81", "{refusals}");
    place.run(["rehearse", "/nowhere.so", "--reason", "ticket 82"]).with(66);
    let last = place.run(["why", "-c", "1"]).with(0).stdout;
    assert!(last.contains("not-found, rehearsed") && last.contains("ticket 82"), "{last}");
}

#[test]
fn graph_shows_what_needs_what_as_a_list_a_picture_and_for_graphviz() {
    let place = Place::new();
    let server = place.start(&["till_1", "clerk"]);
    place.run(["graph"]).with(0).golden("graph.txt", &server);
    place.run(["graph", "--picture"]).with(0).golden("graph_picture.txt", &server);
    place.run(["graph", "--dot"]).with(0).golden("graph.dot", &server);
    let graph = place.run(["graph", "--json"]).with(0).json();
    let edges = graph["edges"].as_array().unwrap();
    assert!(edges.len() == 1 && edges[0]["from"] == "clerk" && edges[0]["to"] == "till", "{graph}");
}
