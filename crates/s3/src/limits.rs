//! Every limit of the S3 face, each with the reason for its value.
