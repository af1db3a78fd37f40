//! The two admin calls that rdkafka does not wrap: altering some settings of a topic and leaving the others (`IncrementalAlterConfigs`),
//! and what we may do to the cluster (`DescribeCluster`). rdkafka's own `alter_configs` is the older call, which resets every setting that
//! it does not name: with it, a shorter `retention.ms` would bring back a `segment.ms` of seven days.
//!
//! Why this is sound. Every pointer comes from librdkafka, is checked for null where it can be, and is freed once, by the guard that
//! holds it, in the reverse order of its making: event, queue, options, resource. The client outlives all of them, since it is borrowed
//! for the whole call. Strings that go in are C strings that live until the call that copies them returns; strings that come out are
//! copied before the event that owns them is freed. The queue is ours alone, so that an event in it is the answer to our request; if the
//! answer comes after we stopped waiting, librdkafka holds its own reference to the queue and frees the event with it.

#![allow(unsafe_code, reason = "librdkafka's admin calls; the argument is above")]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::client::ClientContext;
use rdkafka::types::{RDKafka, RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka_sys as sys;

/// How much longer we wait for an answer than librdkafka does.
const GRACE: Duration = Duration::from_secs(2);

/// What the cluster, or librdkafka, said instead of doing it.
pub struct Said {
    /// Its code.
    pub code: RDKafkaErrorCode,
    /// Its words; names of topics and settings at most.
    pub words: String,
}

impl Said {
    fn new(code: RDKafkaRespErr, words: String) -> Self {
        Self { code: code.into(), words }
    }

    fn ours(words: &str) -> Self {
        Self::new(RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_ARG, words.to_owned())
    }
}

/// Something of librdkafka's, and how it is freed.
struct Held<T> {
    pointer: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Held<T> {
    fn new(pointer: *mut T, free: unsafe extern "C" fn(*mut T)) -> Result<Self, Said> {
        let pointer = NonNull::new(pointer).ok_or_else(|| Said::ours("librdkafka made nothing of it"))?;
        Ok(Self { pointer, free })
    }

    fn get(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from librdkafka with this function as its counterpart, and nothing else frees it.
        unsafe { (self.free)(self.pointer.as_ptr()) }
    }
}

/// An answer with what it came through, freed in this order.
struct Answer {
    event: Held<sys::rd_kafka_event_t>,
    _queue: Held<sys::rd_kafka_queue_t>,
    _options: Held<sys::rd_kafka_AdminOptions_t>,
}

/// Sets `settings` of a topic, and leaves all others as they are.
pub fn alter<C: ClientContext>(
    admin: &AdminClient<C>,
    topic: &str,
    settings: &[(&str, String)],
    timeout: Duration,
) -> Result<(), Said> {
    let client = admin.inner().native_ptr();
    let name = c_string(topic)?;
    // SAFETY: `name` lives until the call returns; librdkafka copies it.
    let resource = Held::new(
        unsafe {
            sys::rd_kafka_ConfigResource_new(
                sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
                name.as_ptr(),
            )
        },
        sys::rd_kafka_ConfigResource_destroy,
    )?;
    for (setting, value) in settings {
        let (setting, value) = (c_string(setting)?, c_string(value)?);
        // SAFETY: the resource is alive, the strings live until the call returns; an error is ours to free.
        let error = unsafe {
            sys::rd_kafka_ConfigResource_add_incremental_config(
                resource.get(),
                setting.as_ptr(),
                sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET,
                value.as_ptr(),
            )
        };
        if !error.is_null() {
            // SAFETY: it is not null, is read before it is freed, and freed once.
            return Err(unsafe {
                let said =
                    Said::new(sys::rd_kafka_error_code(error), copied(sys::rd_kafka_error_string(error)));
                sys::rd_kafka_error_destroy(error);
                said
            });
        }
    }
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
    let answer = answer(client, operation, timeout, |options, queue| {
        let mut resources = [resource.get()];
        // SAFETY: client, options and queue are alive; the array is read during the call and the resource copied.
        unsafe { sys::rd_kafka_IncrementalAlterConfigs(client, resources.as_mut_ptr(), 1, options, queue) }
    })?;
    // SAFETY: the event is alive until the end of this function; what it gives belongs to it. The count is that of the array.
    unsafe {
        let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(answer.event.get());
        if result.is_null() {
            return Err(Said::ours("the answer was to something else"));
        }
        let mut count = 0;
        let resources = sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, &raw mut count);
        for at in 0..count {
            let resource = *resources.add(at);
            let code = sys::rd_kafka_ConfigResource_error(resource);
            if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(Said::new(code, copied(sys::rd_kafka_ConfigResource_error_string(resource))));
            }
        }
    }
    Ok(())
}

/// Whether we may see every consumer group: the right `Describe` on the cluster. Without it a broker lists those that we may see, and
/// does not say that there are others.
pub fn sees_every_group<C: ClientContext>(admin: &AdminClient<C>, timeout: Duration) -> Result<bool, Said> {
    let client = admin.inner().native_ptr();
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER;
    let mut refused = None;
    let answer = answer(client, operation, timeout, |options, queue| {
        // SAFETY: options are alive; an error is ours to free. Client and queue are alive, too.
        unsafe {
            let error = sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
            if !error.is_null() {
                refused = Some(Said::new(
                    sys::rd_kafka_error_code(error),
                    copied(sys::rd_kafka_error_string(error)),
                ));
                sys::rd_kafka_error_destroy(error);
            }
            sys::rd_kafka_DescribeCluster(client, options, queue);
        }
    })?;
    if let Some(said) = refused {
        return Err(said);
    }
    // SAFETY: as above.
    unsafe {
        let result = sys::rd_kafka_event_DescribeCluster_result(answer.event.get());
        if result.is_null() {
            return Err(Said::ours("the answer was to something else"));
        }
        let mut count = 0;
        let operations = sys::rd_kafka_DescribeCluster_result_authorized_operations(result, &raw mut count);
        let describe = sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_DESCRIBE;
        Ok(!operations.is_null() && (0..count).any(|at| *operations.add(at) == describe))
    }
}

/// Makes options and a queue, sends, and waits for the one event.
fn answer(
    client: *mut RDKafka,
    operation: sys::rd_kafka_admin_op_t,
    timeout: Duration,
    send: impl FnOnce(*mut sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> Result<Answer, Said> {
    let millis = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client is alive for the whole of this file's calls.
    let options = Held::new(
        unsafe { sys::rd_kafka_AdminOptions_new(client, operation) },
        sys::rd_kafka_AdminOptions_destroy,
    )?;
    let mut words = [0; 256];
    // SAFETY: the options are alive, and the buffer is as long as said.
    let code = unsafe {
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options.get(),
            millis(timeout),
            words.as_mut_ptr(),
            words.len(),
        )
    };
    if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(Said::ours("the time limit was refused"));
    }
    // SAFETY: as above.
    let queue = Held::new(unsafe { sys::rd_kafka_queue_new(client) }, sys::rd_kafka_queue_destroy)?;
    send(options.get(), queue.get());
    // SAFETY: the queue is alive; the event is ours from here on.
    let event = unsafe { sys::rd_kafka_queue_poll(queue.get(), millis(timeout + GRACE)) };
    let event = Held::new(event, sys::rd_kafka_event_destroy)
        .map_err(|_| Said::new(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer".to_owned()))?;
    // SAFETY: the event is alive.
    unsafe {
        let code = sys::rd_kafka_event_error(event.get());
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(Said::new(code, copied(sys::rd_kafka_event_error_string(event.get()))));
        }
    }
    Ok(Answer { event, _queue: queue, _options: options })
}

fn c_string(text: &str) -> Result<CString, Said> {
    CString::new(text).map_err(|_| Said::ours("a name or value holds a zero byte"))
}

/// # Safety
/// `text` is null or a C string that is alive.
unsafe fn copied(text: *const c_char) -> String {
    if ptr::eq(text, ptr::null()) {
        return String::new();
    }
    // SAFETY: what the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
