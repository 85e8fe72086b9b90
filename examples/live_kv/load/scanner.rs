//! A walk through the whole keyspace during writes and replacements.
//!
//! The keys that were written before the traffic began are never removed, so every walk
//! must return each of them, and by the rule of cursors (see [`kv::position`]) once.

use std::{io, sync::atomic::Ordering, time::Instant};

use super::{Load, client::Client, ledger, outcome::Outcome, reply::Reply};
use crate::trials::watch::Answer;

/// Walks until the traffic ends.
pub(super) fn walk(load: &Load<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let walked = Client::connect(load.address).and_then(|mut client| {
        while !load.stop.load(Ordering::Acquire) {
            match (once(load, &mut client, &mut outcome), load.recovery) {
                (Ok(()), _) => {}
                (Err(error), None) => return Err(error),
                // `load.connections` is a number that no other client has.
                (Err(error), Some(recovery)) => client = recovery.connect(load.address, load.connections, error)?,
            }
        }
        Ok(())
    });
    if let Err(error) = walked {
        outcome.fail(format!("the scanner: {error}"));
    }
    outcome
}

fn once(load: &Load<'_>, client: &mut Client, outcome: &mut Outcome) -> io::Result<()> {
    let mut seen: Vec<Vec<bool>> =
        (0..load.connections).map(|number| vec![false; ledger::share(load, number)]).collect();
    let pattern = format!("{}:key:*", load.prefix);
    let mut cursor = b"0".to_vec();
    loop {
        let (start, moment, sent) = (Instant::now(), load.activity.now(), load.watch.now());
        let reply = client.ask(&[b"SCAN", &cursor, b"MATCH", pattern.as_bytes(), b"COUNT", b"500"])?;
        outcome.latency.record(start.elapsed(), load.activity.touched(moment));
        outcome.requests += 1;
        load.answered.fetch_add(1, Ordering::Relaxed);
        load.watch.answered(sent, start.elapsed());
        if let Reply::Error(text) = &reply
            && load.watch.blames(sent, Answer::Error(text))
        {
            continue;
        }
        let Some((next, keys)) = page(&reply) else {
            outcome.fail(format!("SCAN was answered {reply:?}"));
            return Ok(());
        };
        for key in keys {
            match place(load, &key).and_then(|(number, index)| seen.get_mut(number)?.get_mut(index)) {
                Some(seen) if !*seen => *seen = true,
                _ => outcome.fail(format!("SCAN returned {key:?} twice, or it was never written")),
            }
        }
        if next == b"0" {
            break;
        }
        cursor = next;
    }
    let missed = seen.iter().flatten().filter(|seen| !**seen).count();
    if missed > 0 {
        outcome.fail(format!("SCAN missed {missed} keys that were there all the time"));
    }
    outcome.scans += 1;
    Ok(())
}

fn page(reply: &Reply) -> Option<(Vec<u8>, Vec<String>)> {
    let Reply::Array(Some(parts)) = reply else { return None };
    let [Reply::Bulk(Some(cursor)), Reply::Array(Some(keys))] = &parts[..] else { return None };
    let text = |key: &Reply| match key {
        Reply::Bulk(Some(key)) => String::from_utf8(key.clone()).ok(),
        _ => None,
    };
    Some((cursor.clone(), keys.iter().map(text).collect::<Option<_>>()?))
}

/// The client and the number of a key.
fn place(load: &Load<'_>, key: &str) -> Option<(usize, usize)> {
    let (number, index) = key.strip_prefix(load.prefix)?.strip_prefix(":key:")?.split_once(':')?;
    Some((number.parse().ok()?, index.parse().ok()?))
}
