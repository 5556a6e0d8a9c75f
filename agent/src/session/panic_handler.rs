//! Keeps a panic in one verb from ending the agent. The program is built without unwinding, so a panic can't be caught. But the
//! panic hook runs on the thread that panicked, and it can end that thread instead of returning.

use super::Stream;
use crate::console::log;
use crate::sys::process;
use crate::wire::json::Refusal;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static SERVING: RefCell<Option<Arc<Stream>>> = const { RefCell::new(None) };
}

/// From now on a panic of this thread ends `stream` and the thread.
pub fn attach(stream: &Arc<Stream>) {
    SERVING.set(Some(Arc::clone(stream)));
}

/// The thread no longer works for a stream.
pub fn detach() {
    SERVING.set(None);
}

/// A panic of a thread without a stream still ends the process. The thread's resources (files, a child) are not released.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        log(&info.to_string());
        if let Some(stream) = SERVING.take() {
            stream.finish(Err(Refusal::new("io", "the agent panicked; see the VM's console")));
            process::end_thread();
        }
    }));
}
