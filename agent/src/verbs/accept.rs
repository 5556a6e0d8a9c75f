//! `accept`: takes a connection that an event of `listen` announced.

use super::relay::relay;
use crate::guest::Guest;
use crate::listeners::Connection;
use crate::session::Stream;
use crate::wire::json::{self, Answer, Object, Refusal};

/// Numbers that JSON's readers keep exactly.
const MAX_ID: u64 = 1 << 53;

pub fn run(stream: &Stream, request: &Object, guest: &Guest) -> Answer<()> {
    let id = parse(request)?;
    match guest.listeners.take(id).ok_or_else(|| Refusal::new("gone", format!("no connection {id} waits")))? {
        Connection::Tcp(connection) => relay(stream, &connection, |how| connection.shutdown(how)),
        Connection::Unix(connection) => relay(stream, &connection, |how| connection.shutdown(how)),
    }
}

fn parse(request: &Object) -> Answer<u64> {
    json::required_number(request, "id", MAX_ID)
}

#[test]
fn the_request_is_that_of_the_vectors() {
    assert_eq!(parse(&crate::wire::vectors::open("accept")), Ok(7));
}
