use super::*;
use crate::wire::ether::MAX_FRAME;

/// An ICMP packet of this length, preceded by it.
fn sent(destination: [u8; 4], length: usize) -> Vec<u8> {
    let mut frame = vec![0; length];
    frame[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
    frame[16..18].copy_from_slice(&20u16.to_be_bytes());
    frame[23] = 1;
    frame[26..30].copy_from_slice(&[192, 0, 2, 15]);
    frame[30..34].copy_from_slice(&destination);
    [&(length as u32).to_be_bytes()[..], &frame].concat()
}

fn allowed() -> Vec<u8> {
    sent([9, 9, 9, 9], 34)
}

struct Ends {
    relay: Relay,
    passt: UnixStream,
}

fn ends() -> Ends {
    let (ours, passt) = UnixStream::pair().unwrap();
    Ends { relay: Relay::new(ours, Policy::default()), passt }
}

/// Relays one connection while `play` has its other end.
fn connection(ends: &mut Ends, play: impl FnOnce(UnixStream, &UnixStream) + Send) -> Closed {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let Ends { relay, passt } = ends;
    let passt = &*passt;
    thread::scope(|scope| {
        let relaying = scope.spawn(move || relay.run(&ours));
        play(theirs, passt);
        relaying.join().unwrap()
    })
}

fn read(mut from: &UnixStream, length: usize) -> Vec<u8> {
    let mut data = vec![0; length];
    from.read_exact(&mut data).unwrap();
    data
}

#[test]
fn frames_pass_whole_and_in_order_from_any_pieces() {
    let good = [sent([9, 9, 9, 9], 34), sent([1, 1, 1, 1], 60)];
    let all = [&good[0][..], &sent([127, 0, 0, 1], 34), &good[1]].concat();
    for cut in 0..=all.len() {
        let mut out = Vec::new();
        let mut buffered = Vec::new();
        for part in [&all[..cut], &all[cut..]] {
            buffered.extend_from_slice(part);
            let (used, passed) = filter(&mut buffered, &Policy::default()).unwrap();
            out.extend_from_slice(&buffered[..passed]);
            buffered.drain(..used);
        }
        assert_eq!(out, good.concat(), "cut at {cut}");
    }
}

#[test]
fn the_longest_frame_passes_and_a_longer_one_ends_the_connection() {
    let mut ends = ends();
    let longest = sent([9, 9, 9, 9], MAX_FRAME);
    let closed = connection(&mut ends, |mut guest, passt| {
        guest.write_all(&longest).unwrap();
        assert_eq!(read(passt, longest.len()), longest);
        guest.write_all(&[&allowed()[..], &(MAX_FRAME as u32 + 1).to_be_bytes()].concat()).unwrap();
        assert_eq!(guest.read(&mut [0]).unwrap(), 0);
    });
    assert_eq!(closed, Closed::Guest { has_spoken: true });
}

#[test]
fn a_connection_that_ends_within_a_frame_leaves_nothing_of_it_to_the_next() {
    let mut ends = ends();
    let frame = allowed();
    for cut in 0..frame.len() {
        let closed = connection(&mut ends, |mut guest, _| guest.write_all(&frame[..cut]).unwrap());
        assert_eq!(closed, Closed::Guest { has_spoken: cut > 0 }, "cut at {cut}");
    }
    connection(&mut ends, |mut guest, passt| {
        guest.write_all(&frame).unwrap();
        assert_eq!(read(passt, frame.len()), frame);
    });
}

#[test]
fn a_frame_from_passt_that_is_cut_by_a_lost_connection_begins_the_next_one() {
    let frame = allowed();
    for cut in 1..frame.len() {
        let mut ends = ends();
        connection(&mut ends, |guest, mut passt| {
            passt.write_all(&[&frame[..], &frame[..cut]].concat()).unwrap();
            assert_eq!(read(&guest, frame.len()), frame);
        });
        connection(&mut ends, |guest, mut passt| {
            passt.write_all(&frame[cut..]).unwrap();
            assert_eq!(read(&guest, frame.len()), frame, "cut at {cut}");
        });
    }
}

#[test]
fn passts_end_is_told_from_the_guests() {
    let mut ends = ends();
    let closed = connection(&mut ends, |guest, passt| {
        passt.shutdown(Shutdown::Both).unwrap();
        assert_eq!((&guest).read(&mut [0]).unwrap(), 0);
    });
    assert_eq!(closed, Closed::Passt);
}

#[test]
fn a_guest_that_reads_nothing_can_still_hang_up() {
    let mut ends = ends();
    let closed = connection(&mut ends, |guest, mut passt| {
        passt.set_nonblocking(true).unwrap();
        let frames = allowed().repeat(1000);
        // until the guest's socket, the relay and passt's socket are full
        while passt.write(&frames).is_ok() {}
        drop(guest);
    });
    assert_eq!(closed, Closed::Guest { has_spoken: false });
}
