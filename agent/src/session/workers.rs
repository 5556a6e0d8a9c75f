//! A pool of threads for verbs: creating a thread costs more than most verbs.

use super::{lock, wait};
use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex};
use std::thread;

const STACK: usize = 256 * 1024;
/// Idle threads that are kept.
const KEPT: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Pool {
    waiting: VecDeque<Job>,
    idle: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { waiting: VecDeque::new(), idle: 0 });
static WORK: Condvar = Condvar::new();

/// Runs `job` at once on a thread of its own, a new one if none is idle.
pub fn run(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut pool = lock(&POOL);
    if pool.idle > pool.waiting.len() {
        pool.waiting.push_back(Box::new(job));
        WORK.notify_one();
        return Ok(());
    }
    drop(pool);
    thread::Builder::new().stack_size(STACK).spawn(move || work(Box::new(job))).map(drop)
}

/// Only idle threads are counted, so a job may end its thread.
fn work(mut job: Job) {
    loop {
        job();
        let mut pool = lock(&POOL);
        if pool.idle >= KEPT {
            return;
        }
        pool.idle += 1;
        job = loop {
            if let Some(next) = pool.waiting.pop_front() {
                pool.idle -= 1;
                break next;
            }
            pool = wait(&WORK, pool);
        };
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_that_wait_for_each_other_each_have_a_thread() {
        for _ in 0..20 {
            let (sender, receiver) = channel();
            let mut before = receiver;
            for _ in 0..10 {
                let (next, after) = channel::<u32>();
                run(move || next.send(before.recv().unwrap() + 1).unwrap()).unwrap();
                before = after;
            }
            sender.send(0).unwrap();
            assert_eq!(before.recv().unwrap(), 10);
        }
    }
}
