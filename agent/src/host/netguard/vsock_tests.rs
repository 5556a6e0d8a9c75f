use super::*;

#[test]
fn only_an_ok_with_a_number_is_an_answer() {
    for answer in ["OK 1073741824\n", "OK 0\n"] {
        assert!(is_ok(answer.as_bytes()), "{answer:?}");
    }
    for answer in ["OK \n", "OK 1", "OK -1\n", "OK  1\n", "ok 1\n", "\n", "OK 1 \n", "OK 1\0\n"] {
        assert!(!is_ok(answer.as_bytes()), "{answer:?}");
    }
}

/// What is answered to a VMM that says `text` and hangs up, and what is left of it.
fn asked(text: &[u8]) -> (bool, Vec<u8>) {
    let (passt, _end) = UnixStream::pair().unwrap();
    let (ours, mut vmm) = UnixStream::pair().unwrap();
    vmm.write_all(text).unwrap();
    vmm.shutdown(std::net::Shutdown::Write).unwrap();
    let is_answered = is_answered(&ours, &passt);
    let mut asked = [0; 13];
    vmm.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"CONNECT 1025\n");
    let mut rest = Vec::new();
    (&ours).read_to_end(&mut rest).unwrap();
    (is_answered, rest)
}

#[test]
fn the_answer_is_read_and_no_byte_more() {
    let whole = b"OK 1073741824\n\0\0\0\x01x";
    assert_eq!(asked(whole), (true, b"\0\0\0\x01x".to_vec()));
    for cut in 0..14 {
        assert_eq!(asked(&whole[..cut]), (false, Vec::new()), "cut at {cut}");
    }
    assert!(!asked(b"OK 10737418240000000000000000000\n").0);
}

#[test]
fn a_vmm_that_does_not_answer_is_given_up_when_passt_ends() {
    let (passt, end) = UnixStream::pair().unwrap();
    let (ours, _vmm) = UnixStream::pair().unwrap();
    drop(end);
    assert!(!is_answered(&ours, &passt));
    assert!(dial(&mut UnixStream::pair().unwrap().0, &passt).is_none());
}
