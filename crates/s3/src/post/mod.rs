//! POST object: browser uploads with a policy.
