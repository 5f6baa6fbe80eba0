//! Putting the parts together: face, gate, keys, protocol library, front.

use std::sync::Arc;

use objects::Objects;
use s3s::S3Result;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::host::{S3Host, VirtualHost};
use s3s::service::{S3Service, S3ServiceBuilder};
use units::{Clock, Random};

use super::address::host_bucket;
use super::front::Front;
use super::request_id::RequestIds;
use super::settings::{Domain, Settings};
use crate::Face;
use crate::auth::Keys;
use crate::gate::Gate;
use crate::limits::{CLOCK_SKEW_SECONDS_MAX, XML_BODY_BYTES_MAX};

/// The front of a store.
pub(crate) fn front(
    objects: Objects,
    clock: Arc<dyn Clock>,
    random: &dyn Random,
    settings: Settings,
) -> Front {
    front_with_skew(objects, clock, random, settings, CLOCK_SKEW_SECONDS_MAX)
}

/// The same, whose clock may differ by so much from a client's: trials replay requests
/// that were signed long ago, and the protocol library looks at its own clock.
pub(crate) fn front_with_skew(
    objects: Objects,
    clock: Arc<dyn Clock>,
    random: &dyn Random,
    settings: Settings,
    skew_seconds_max: u32,
) -> Front {
    let face = Face::new(objects, clock, &settings);
    let service = service(face.clone(), &settings, skew_seconds_max);
    Front::new(service, face, settings, RequestIds::new(random))
}

fn service(face: Face, settings: &Settings, skew_seconds_max: u32) -> S3Service {
    let mut builder = S3ServiceBuilder::new(face.clone());
    builder.set_auth(Keys::new(face.clone()));
    builder.set_access(Gate::new(face));
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config(skew_seconds_max)))));
    if let Some(domain) = &settings.base_domain {
        builder.set_host(Hosts(domain.clone()));
    }
    builder.build()
}

/// The library's own limits, set to ours.
fn config(skew_seconds_max: u32) -> S3Config {
    let mut config = S3Config::default();
    config.xml_max_body_size = XML_BODY_BYTES_MAX;
    config.presigned_url_max_skew_time_secs = skew_seconds_max;
    // Form uploads are read before the library sees them.
    config.post_object_max_file_size = 0;
    config.form_max_field_size = 0;
    config.form_max_fields_size = 0;
    config.form_max_parts = 0;
    config
}

/// Tells the library of the same buckets by host as the front sees.
struct Hosts(Domain);

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let parsed = VirtualHost::new(host);
        Ok(match host_bucket(host, self.0.as_str()) {
            Some(bucket) => parsed.with_bucket(bucket),
            None => parsed,
        })
    }
}
