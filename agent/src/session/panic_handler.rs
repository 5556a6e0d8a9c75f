//! A bug in one verb must not take the agent with it. The program is built without unwinding, so a panic can't be caught; but
//! its hook runs on the thread that panicked, and may end that thread instead of coming back.

use super::Stream;
use crate::console::log;
use crate::sys::process;
use crate::wire::json::Refusal;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static SERVING: RefCell<Option<Arc<Stream>>> = const { RefCell::new(None) };
}

/// From now on this thread's panics end `stream` and the thread.
pub fn attach(stream: &Arc<Stream>) {
    SERVING.set(Some(Arc::clone(stream)));
}

/// The thread does something else now.
pub fn detach() {
    SERVING.set(None);
}

/// Other threads' panics still end the process. What the thread held (files, a child) is left as it is.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        log(&info.to_string());
        if let Some(stream) = SERVING.take() {
            stream.finish(Err(Refusal::new("io", "the agent has a bug here; its console says where")));
            process::end_thread();
        }
    }));
}
