//! Every request, cut at every place, means the same.

use super::*;

const SMALL: Limits = Limits { bulk: 100, words: 5, line: 40, request: 1_000 };

/// The requests in `input`, given to the parser in pieces that end at `cuts`, and the
/// error that ended it, if any.
fn parse(input: &[u8], cuts: impl IntoIterator<Item = usize>) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let mut parser = Parser::new(SMALL);
    let (mut start, mut requests) = (0, Vec::new());
    for end in cuts.into_iter().chain([input.len()]) {
        loop {
            let rest = &input[start..end];
            match parser.advance(rest) {
                Ok(Progress::Partial) => break,
                Ok(Progress::Complete { len }) => {
                    requests.push(parser.words(rest).into_iter().map(<[u8]>::to_vec).collect());
                    start += len;
                }
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}

fn request(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

const PIPELINE: &[u8] = b"*1\r\n$4\r\nPING\r\nget a\n*0\r\n\r\n*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\nset 'x y' \"\\x00\"\r\n*-1\r\n*2\r\n$1\r\n*\r\n$1\r\n$\r\n";

fn pipeline() -> Vec<Vec<Vec<u8>>> {
    vec![
        request(&["PING"]),
        request(&["get", "a"]),
        request(&[]),
        request(&[]),
        request(&["SET", "", "\r\n\r\n"]),
        request(&["set", "x y", "\0"]),
        request(&[]),
        request(&["*", "$"]),
    ]
}

#[test]
fn a_pipeline_is_read_whole_byte_by_byte_and_cut_at_any_two_places() {
    assert_eq!(parse(PIPELINE, []), (pipeline(), None));
    assert_eq!(parse(PIPELINE, 0..PIPELINE.len()), (pipeline(), None));
    for first in 0..PIPELINE.len() {
        for second in first..PIPELINE.len() {
            assert_eq!(parse(PIPELINE, [first, second]), (pipeline(), None), "cut at {first} and {second}");
        }
    }
}

#[test]
fn bytes_that_are_no_request_are_refused_in_the_words_of_redis_however_they_are_cut() {
    let long = "1".repeat(50);
    for (input, expected) in [
        (format!("*{long}"), "too big mbulk count string"),
        (format!("*1\r\n${long}"), "too big bulk count string"),
        (long.clone(), "too big inline request"),
        ("*x\r\n".into(), "invalid multibulk length"),
        ("*\r\n".into(), "invalid multibulk length"),
        ("*6\r\n".into(), "invalid multibulk length"),
        ("*+1\r\n".into(), "invalid multibulk length"),
        ("*9223372036854775808\r\n".into(), "invalid multibulk length"),
        ("*1\r\n$-1\r\n".into(), "invalid bulk length"),
        ("*1\r\n$101\r\n".into(), "invalid bulk length"),
        ("*1\r\n$18446744073709551616\r\n".into(), "invalid bulk length"),
        ("*1\r\n$01\r\n".into(), "invalid bulk length"),
        ("*1\r\n$\r\n".into(), "invalid bulk length"),
        ("*1\r\nPING\r\n".into(), "expected '$', got 'P'"),
        ("*1\r\n\r\n".into(), "expected '$', got '\r'"),
        ("a \"b\r\n".into(), "unbalanced quotes in request"),
    ] {
        let whole = parse(input.as_bytes(), []);
        assert_eq!(whole.1.unwrap().to_string(), format!("Protocol error: {expected}"), "{input}");
        assert_eq!(parse(input.as_bytes(), 0..input.len()), whole, "{input}");
    }
}

#[test]
fn requests_are_accepted_up_to_each_limit_and_refused_beyond_it() {
    let bulk = |len: usize| format!("*1\r\n${len}\r\n{}\r\n", "x".repeat(len));
    assert_eq!(parse(bulk(100).as_bytes(), []).1, None);
    assert_eq!(parse(bulk(101).as_bytes(), []).1, Some(ProtocolError::BulkLength));
    let array = |count: usize| format!("*{count}\r\n{}", "$1\r\nx\r\n".repeat(count));
    assert_eq!(parse(array(5).as_bytes(), []).0[0].len(), 5);
    assert_eq!(parse(array(6).as_bytes(), []).1, Some(ProtocolError::ArrayLength));
    let mut parser = Parser::new(Limits { request: 100, ..SMALL });
    let partial = format!("*2\r\n$90\r\n{}\r\n$90\r\n", "x".repeat(90));
    assert_eq!(parser.advance(partial.as_bytes()), Err(ProtocolError::Request));
}

#[test]
fn an_announced_length_allocates_nothing() {
    let mut parser = Parser::new(Limits::default());
    assert_eq!(parser.advance(b"*1048576\r\n$536870912\r\n"), Ok(Progress::Partial));
    assert_eq!(parser.words.capacity(), 0);
}

#[test]
fn random_bytes_never_panic_and_mean_the_same_however_they_are_cut() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..50_000 {
        let mut input = Vec::new();
        for _ in 0..random.usize(1..6) {
            if random.bool() {
                let start = random.usize(..PIPELINE.len());
                input.extend_from_slice(&PIPELINE[start..random.usize(start..=PIPELINE.len())]);
            } else {
                const ALPHABET: &[u8] = b"*$\r\n0123-+'\"\\x a\0\xff";
                input.extend((0..random.usize(..8)).map(|_| ALPHABET[random.usize(..ALPHABET.len())]));
            }
        }
        let cut = random.usize(..=input.len());
        assert_eq!(parse(&input, [cut]), parse(&input, []), "{:?}", input.escape_ascii().to_string());
    }
}
