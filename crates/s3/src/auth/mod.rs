//! Who signs: access keys and their secrets.
//!
//! The protocol library asks for the secret of a key id and verifies the
//! signature with it. A key that may not sign any more has no secret here, so no
//! signature of it verifies.

use catalog::AccessKeyId;
use objects::Credential;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3Result, s3_error};

use crate::Face;
use crate::error::failed;

/// Gives secrets to the signature check.
#[derive(Clone)]
pub(crate) struct Keys {
    face: Face,
}

impl Keys {
    /// Keys of this store.
    pub(crate) fn new(face: Face) -> Self {
        Self { face }
    }
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let credential = credential(&self.face, access_key).await?;
        Ok(SecretKey::from(credential.secret.as_str()))
    }
}

/// The credential of a key id that may sign now.
pub(crate) async fn credential(
    face: &Face,
    access_key: &str,
) -> S3Result<std::sync::Arc<Credential>> {
    let id = AccessKeyId::new(access_key).map_err(|_| unknown())?;
    let credential = face.objects.credential(&id).await.map_err(failed)?.ok_or_else(unknown)?;
    if !credential.key.is_valid_at(face.now()) {
        return Err(unknown());
    }
    Ok(credential)
}

fn unknown() -> S3Error {
    s3_error!(
        InvalidAccessKeyId,
        "The AWS Access Key Id you provided does not exist in our records."
    )
}
