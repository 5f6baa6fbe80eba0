//! tokio, as openraft is told of it: with draws that a simulation can repeat.
//!
//! openraft draws how long a voter waits before it stands for election from the thread's
//! generator. Where work is done on the spot (`host::on_the_spot`), it is drawn from one
//! that a seed begins ([`seed_elections`]).

use core::cell::RefCell;
use std::time::Duration;

use openraft::{AsyncRuntime, OptionalSend, TokioRuntime};
use rand_of_openraft::rngs::{StdRng, ThreadRng};
use rand_of_openraft::{Error, RngCore, SeedableRng as _};

thread_local! {
    static SEEDED: RefCell<StdRng> = RefCell::new(StdRng::seed_from_u64(0));
}

/// In a simulation: what elections on this thread draw begins with this seed.
pub fn seed_elections(seed: u64) {
    SEEDED.set(StdRng::seed_from_u64(seed));
}

/// What openraft runs on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Runtime;

type Tokio = TokioRuntime;

/// Where openraft draws from.
pub struct Draws(Option<ThreadRng>);

impl Draws {
    fn with<T>(&mut self, mut draw: impl FnMut(&mut dyn RngCore) -> T) -> T {
        match &mut self.0 {
            Some(thread) => draw(thread),
            None => SEEDED.with_borrow_mut(|seeded| draw(seeded)),
        }
    }
}

impl RngCore for Draws {
    fn next_u32(&mut self) -> u32 {
        self.with(|rng| rng.next_u32())
    }

    fn next_u64(&mut self) -> u64 {
        self.with(|rng| rng.next_u64())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.with(|rng| rng.fill_bytes(bytes));
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.with(|rng| rng.try_fill_bytes(bytes))
    }
}

impl AsyncRuntime for Runtime {
    type JoinError = <Tokio as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <Tokio as AsyncRuntime>::Sleep;
    type Instant = <Tokio as AsyncRuntime>::Instant;
    type TimeoutError = <Tokio as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <Tokio as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = Draws;
    type OneshotSender<T: OptionalSend> = <Tokio as AsyncRuntime>::OneshotSender<T>;
    type OneshotReceiver<T: OptionalSend> = <Tokio as AsyncRuntime>::OneshotReceiver<T>;
    type OneshotReceiverError = <Tokio as AsyncRuntime>::OneshotReceiverError;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        Tokio::spawn(future)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Tokio::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        Tokio::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        Tokio::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        let thread = (!host::is_on_the_spot()).then(rand_of_openraft::thread_rng);
        Draws(thread)
    }

    fn oneshot<T>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>)
    where
        T: OptionalSend,
    {
        Tokio::oneshot()
    }
}
