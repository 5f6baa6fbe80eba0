//! Where work is done that may block: on threads of its own; in a simulation on the spot.
//!
//! A simulation has one thread and a clock that jumps ahead when there is nothing to do. A
//! thread beside it would be overtaken by that clock, and would answer now sooner and now
//! later: no seed would repeat. There, whatever would block does its work within the task
//! that asks for it, which a simulated disk does not keep waiting.
//!
//! **Invariant**: without [`on_the_spot`] nothing here is done on the caller's thread.

use core::cell::Cell;
use core::marker::PhantomData;
use core::pin::Pin;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use thiserror::Error;

thread_local! {
    static ON_THE_SPOT: Cell<bool> = const { Cell::new(false) };
}

/// Work that did not come to its end: it panicked, or the runtime was stopped.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("work on a thread of its own did not come to its end")]
pub struct Interrupted;

/// While it is there, work asked for on this thread is done on this thread.
#[must_use = "work is done on the spot only as long as this is kept"]
#[derive(Debug)]
pub struct OnTheSpot {
    before: bool,
    /// It belongs to the thread that made it.
    _thread: PhantomData<*const ()>,
}

/// From now on, on this thread, nothing is given to other threads. For simulations, whose
/// runtime has this thread alone.
pub fn on_the_spot() -> OnTheSpot {
    OnTheSpot { before: ON_THE_SPOT.replace(true), _thread: PhantomData }
}

/// Whether work asked for here is done here.
pub fn is_on_the_spot() -> bool {
    ON_THE_SPOT.get()
}

impl Drop for OnTheSpot {
    fn drop(&mut self) {
        ON_THE_SPOT.set(self.before);
    }
}

/// Does work that may block. It is begun at once, also if nobody waits for it.
// Cancel-safety: what was begun goes on to its end.
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Blocking<T> {
    if is_on_the_spot() {
        let done = catch_unwind(AssertUnwindSafe(work));
        return Blocking(Begun::Done(Some(done.map_err(|_| Interrupted))));
    }
    Blocking(Begun::Elsewhere(tokio::task::spawn_blocking(work)))
}

/// Work that was begun.
#[derive(Debug)]
pub struct Blocking<T>(Begun<T>);

#[derive(Debug)]
enum Begun<T> {
    Done(Option<Result<T, Interrupted>>),
    Elsewhere(tokio::task::JoinHandle<T>),
}

impl<T> Unpin for Blocking<T> {}

impl<T> Future for Blocking<T> {
    type Output = Result<T, Interrupted>;

    /// # Panics
    /// If it is asked again after it was ready, as futures may.
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Self::Output> {
        match &mut self.0 {
            Begun::Done(done) => {
                let done = done.take();
                assert!(done.is_some(), "its end was told already");
                core::task::Poll::Ready(done.unwrap_or(Err(Interrupted)))
            }
            Begun::Elsewhere(handle) => {
                Pin::new(handle).poll(context).map_err(|_panic_or_stop| Interrupted)
            }
        }
    }
}

/// A loop with a thread of its own; in a simulation a task.
#[derive(Debug)]
pub struct Worker(Mutex<Option<Running>>);

#[derive(Debug)]
enum Running {
    Thread(JoinHandle<()>),
    Task(tokio::task::JoinHandle<()>),
}

impl Worker {
    /// Begins `work`, which may block between its awaits.
    ///
    /// # Errors
    /// If the operating system has no thread to give.
    pub fn start(
        name: &str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, io::Error> {
        let running = if is_on_the_spot() {
            Running::Task(tokio::spawn(work))
        } else {
            let thread = std::thread::Builder::new().name(name.to_owned());
            Running::Thread(thread.spawn(move || futures::executor::block_on(work))?)
        };
        Ok(Self(Mutex::new(Some(running))))
    }

    /// Wakes its thread, if that is parked in the midst of its work.
    pub fn unpark(&self) {
        if let Some(Running::Thread(thread)) = &*self.0.lock() {
            thread.thread().unpark();
        }
    }

    /// Waits for its end, which something else must have told it to come to. Blocks; a task
    /// is not waited for.
    pub fn join(&self) {
        let running = self.0.lock().take();
        if let Some(Running::Thread(thread)) = running {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }

    /// As [`Self::join`], from a task, which does not block; a task is waited for, too.
    // Cancel-safety: whoever gives up waiting waits no more; the work ends by itself.
    pub async fn end(&self) {
        let running = self.0.lock().take();
        match running {
            Some(Running::Task(task)) => {
                let _ = task.await;
            }
            Some(Running::Thread(thread)) => {
                let _ = blocking(move || thread.join()).await;
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn on_the_spot_nothing_leaves_the_thread() {
        let me = std::thread::current().id();
        let elsewhere = blocking(|| std::thread::current().id()).await;
        assert_ne!(elsewhere, Ok(me));
        {
            let _spot = on_the_spot();
            assert_eq!(blocking(|| std::thread::current().id()).await, Ok(me));
            let panics = blocking(|| panic!("of this test")).await;
            assert_eq!(panics, Err::<(), _>(Interrupted));
        }
        assert!(!is_on_the_spot(), "only as long as it is kept");
    }

    #[tokio::test]
    async fn a_worker_is_a_thread_and_on_the_spot_a_task() {
        let me = std::thread::current().id();
        for is_here in [false, true] {
            let _spot = is_here.then(on_the_spot);
            let (told, tells) = tokio::sync::oneshot::channel();
            let work = async move {
                let _ = told.send(std::thread::current().id());
            };
            let worker = Worker::start("of a test", work).expect("a thread");
            let at = tells.await.expect("told");
            assert_eq!(at == me, is_here);
            worker.end().await;
        }
    }
}
