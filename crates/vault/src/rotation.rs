//! Rotation: new generations of root, tenant and bucket keys.
