use quote::quote;

fn refusals(arguments: &str) -> String {
    super::main(
        arguments.parse().unwrap(),
        quote!(
            fn main() {}
        ),
    )
    .to_string()
}

#[test]
fn each_value_is_checked_with_its_unit() {
    for (arguments, message) in [
        ("interval = \"2\"", "`interval` is a duration with its unit"),
        ("interval = 2", "this key is written as `interval = \\\"2s\\\"`"),
        ("grace = \"soon\"", "`grace` is a duration with its unit"),
        ("policy = \"hope\"", "`policy` is \\\"restart\\\", \\\"always\\\" or \\\"quit\\\""),
        ("respawn = \"clone\"", "`respawn` is \\\"fork\\\", \\\"exec\\\" or"),
        ("cgroup = \"on\"", "`cgroup` is \\\"auto\\\", \\\"need\\\" or \\\"off\\\""),
        ("ready_at_start = \"now\"", "this key is written as `ready_at_start = false`"),
        ("warn_signal = \"SIGNONE\"", "`warn_signal` is a signal by its name or number"),
        ("warn_signal = \"65\"", "`warn_signal` is a signal by its name or number"),
        ("backoff = \"2s..1s\"", "`backoff` is the first and the longest delay"),
        ("backoff = \"2s\"", "`backoff` is the first and the longest delay"),
        ("budget = \"65/60s\"", "`budget` is so many restarts, 64 at most"),
        ("budget = \"5/60\"", "`budget` is so many restarts, 64 at most"),
        ("clean_exits(256)", "an exit code is a number from 0 to 255"),
        ("fatal_exits(1, 2, 3, 4, 5, 6, 7, 8, 9)", "`fatal_exits` takes 8 exit codes at most"),
        ("probe_every = \"1s\"", "`probe_every` needs a command"),
        ("intervall = \"2s\"", "there is no key `intervall`"),
    ] {
        let expansion = refusals(arguments);
        assert!(expansion.contains(message), "{arguments}: {expansion}");
    }
}

#[test]
fn an_interval_of_zero_is_no_interval() {
    let expansion = refusals("interval = \"0s\"");
    assert!(expansion.contains(". interval (:: core :: option :: Option :: None)"), "{expansion}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let expansion = refusals("interval = \"2\", policy = \"hope\", budget = \"x\"");
    assert_eq!(expansion.matches("compile_error").count(), 3, "{expansion}");
}

#[test]
fn a_refused_main_is_still_there() {
    let expansion = refusals("interval = \"2\"");
    assert!(expansion.starts_with("fn main () { }"), "{expansion}");
}

#[test]
fn what_is_no_main_is_refused() {
    for (item, message) in [
        (
            quote!(
                fn main(x: u8) {}
            ),
            "arguments are refused",
        ),
        (
            quote!(
                fn main<T>() {}
            ),
            "type parameters are refused",
        ),
        (
            quote!(
                async fn main() {}
            ),
            "an async function needs a runtime",
        ),
        (
            quote!(
                struct Main;
            ),
            "`#[sam::main]` belongs on a function",
        ),
    ] {
        let expansion = super::main(quote!(), item).to_string();
        assert!(expansion.contains(message), "{expansion}");
    }
}
