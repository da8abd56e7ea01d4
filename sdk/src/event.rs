//! What a handler is given.

use crate::Context;

/// An event: what the caller sent, and the context it arrived in.
#[derive(Clone, Debug)]
pub struct LambdaEvent<T> {
    /// What the caller sent: anything that implements `Deserialize`, or
    /// [`RawPayload`](crate::RawPayload) for the bytes themselves.
    pub payload: T,
    /// The invocation this event belongs to.
    pub context: Context,
}

impl<T> LambdaEvent<T> {
    /// An event with this payload and context.
    pub fn new(payload: T, context: Context) -> Self {
        Self { payload, context }
    }

    /// The payload and the context, to own them separately.
    pub fn into_parts(self) -> (T, Context) {
        (self.payload, self.context)
    }
}
