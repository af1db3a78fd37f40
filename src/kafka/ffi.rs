//! The calls of librdkafka that rdkafka does not wrap: reading by the batch, sending without a look-up, ending a transaction at once.
//!
//! # Safety argument
//! - A handle (`rd_kafka_queue_t`, `rd_kafka_topic_t`) is made from a client that its owner keeps alive by an [`Arc`], and is destroyed
//!   before it: fields are dropped in the order of their declaration, and the `Arc` stands last.
//! - A batch borrows the [`Inbox`] it was read from, mutably, so there is one at a time and it ends before the queue does. Each of its
//!   messages is destroyed once, in `Drop`. A payload lives as long as its message: every slice borrows the batch.
//! - librdkafka's clients may be called from any thread. A lane's handles are used by the thread that made them. An [`Outbox`] may be given
//!   to another thread, and none is shared without a lock (it is `Send` and not `Sync`); an inbox is not even `Send`.
//! - Lengths come from librdkafka and are those of its own buffers; a null payload is `None`, never a slice.
//! - What is sent is copied by librdkafka (`RD_KAFKA_MSG_F_COPY`) before the call returns; headers are given away when it succeeds and
//!   destroyed here when it does not.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka_sys as sys;

use super::error::{KafkaError, Remedy};

/// Messages of all partitions of a consumer, in one queue that holds nothing else: group events stay in the consumer's own.
pub struct Inbox<C: ConsumerContext> {
    queue: *mut sys::rd_kafka_queue_t,
    /// What the batch at hand consists of; memory is kept.
    read: Vec<*mut sys::rd_kafka_message_t>,
    /// The most messages and bytes of one batch; how many messages the next one takes.
    batch_max: (usize, usize),
    next: usize,
    consumer: Arc<BaseConsumer<C>>,
}

impl<C: ConsumerContext> Inbox<C> {
    /// A queue for batches of at most `batch_max` messages and about as many bytes.
    pub fn new(consumer: &Arc<BaseConsumer<C>>, batch_max: (usize, usize)) -> Self {
        // SAFETY: the client lives, and is kept.
        let queue = unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let read = Vec::with_capacity(batch_max.0);
        Self { queue, read, batch_max, next: 1, consumer: Arc::clone(consumer) }
    }

    /// Has the messages of a partition come here. To be called before the partition is assigned: what is in the consumer's own queue by
    /// then would come out of that, late.
    pub fn attach(&self, topic: &str, partition: i32) {
        self.forward(topic, partition, self.queue);
    }

    /// Has them come here no more.
    pub fn detach(&self, topic: &str, partition: i32) {
        self.forward(topic, partition, ptr::null_mut());
    }

    fn forward(&self, topic: &str, partition: i32, to: *mut sys::rd_kafka_queue_t) {
        let Ok(topic) = CString::new(topic) else { return };
        // SAFETY: the client lives; the partition's queue is a counted reference that is given back at once.
        unsafe {
            let native = self.consumer.client().native_ptr();
            let queue = sys::rd_kafka_queue_get_partition(native, topic.as_ptr(), partition);
            if !queue.is_null() {
                sys::rd_kafka_queue_forward(queue, to);
                sys::rd_kafka_queue_destroy(queue);
            }
        }
    }

    /// The next offset of a partition as it was last heard; `None` before anything was.
    pub fn end_of(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut first, mut end) = (0_i64, 0_i64);
        // SAFETY: the client lives; the call only reads what it remembers, into two numbers of ours.
        let known = unsafe {
            let native = self.consumer.client().native_ptr();
            sys::rd_kafka_get_watermark_offsets(
                native,
                topic.as_ptr(),
                partition,
                &raw mut first,
                &raw mut end,
            )
        };
        (known == OK && end >= 0).then_some(end)
    }

    /// Whether the coordinator of the group knows this consumer, by an id.
    pub fn is_member(&self) -> bool {
        // SAFETY: the client lives; the text is ours until it is given back, and ends with a zero.
        unsafe {
            let native = self.consumer.client().native_ptr();
            let id = sys::rd_kafka_memberid(native);
            let is_member = !id.is_null() && *id != 0;
            if !id.is_null() {
                sys::rd_kafka_mem_free(native, id.cast());
            }
            is_member
        }
    }

    /// Waits at most `wait` for messages and takes what is there.
    pub fn read(&mut self, wait: Duration) -> Batch<'_> {
        let wait = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        let count_max = self.next.min(self.read.capacity());
        // SAFETY: the queue lives; there is room for `count_max` pointers, of which the call fills as many as it says.
        unsafe {
            let read = self.read.as_mut_ptr();
            let count = sys::rd_kafka_consume_batch_queue(self.queue, wait, read, count_max);
            self.read.set_len(usize::try_from(count).unwrap_or(0));
        }
        if !self.read.is_empty() {
            // SAFETY: messages that were just given to us.
            let bytes: usize = self.read.iter().map(|message| unsafe { (**message).len }).sum();
            // Messages are as long as those before them, mostly. A call takes a number of them, and they may be of any size.
            let (messages_max, bytes_max) = self.batch_max;
            self.next = (bytes_max * self.read.len() / bytes.max(1)).clamp(1, messages_max);
        }
        Batch { is_full: self.read.len() == count_max, messages: &mut self.read }
    }
}

impl<C: ConsumerContext> Drop for Inbox<C> {
    fn drop(&mut self) {
        // SAFETY: ours, and no batch is left that borrows it.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) };
    }
}

/// Messages that were read together. Raw: no `Debug`.
pub struct Batch<'q> {
    messages: &'q mut Vec<*mut sys::rd_kafka_message_t>,
    is_full: bool,
}

impl Batch<'_> {
    /// True when nothing came.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// True when more may be waiting: it holds as many as were asked for.
    pub const fn is_full(&self) -> bool {
        self.is_full
    }

    /// The messages, in the order of each partition.
    pub fn iter(&self) -> impl Iterator<Item = Incoming<'_>> {
        // SAFETY: not destroyed while the batch lives.
        self.messages.iter().map(|message| Incoming { raw: unsafe { &**message } })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: given to us by `read`, and destroyed nowhere else.
            unsafe { sys::rd_kafka_message_destroy(message) };
        }
    }
}

/// A message, or an error of a partition. Raw: no `Debug`.
#[derive(Clone, Copy)]
pub struct Incoming<'b> {
    raw: &'b sys::rd_kafka_message_t,
}

impl<'b> Incoming<'b> {
    /// The error that stands in a message's place.
    pub fn error(&self) -> Option<RDKafkaErrorCode> {
        (self.raw.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| self.raw.err.into())
    }

    /// Tells topics of one consumer apart without a look at their names.
    pub fn topic_id(&self) -> usize {
        self.raw.rkt as usize
    }

    /// The topic.
    pub fn topic(&self) -> &'b str {
        if self.raw.rkt.is_null() {
            return "";
        }
        // SAFETY: a message holds its topic, whose name ends with a zero.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.raw.rkt)) }.to_str().unwrap_or("")
    }

    /// The partition.
    pub const fn partition(&self) -> i32 {
        self.raw.partition
    }

    /// The offset.
    pub const fn offset(&self) -> i64 {
        self.raw.offset
    }

    /// What it holds; `None`: a tombstone.
    pub fn payload(&self) -> Option<&'b [u8]> {
        // SAFETY: as long as the message lives; an error's text is not taken for a payload by callers, who ask `error` first.
        unsafe { bytes(self.raw.payload, self.raw.len) }
    }

    /// Its key; `None`: it has none.
    pub fn key(&self) -> Option<&'b [u8]> {
        // SAFETY: as for the payload.
        unsafe { bytes(self.raw.key, self.raw.key_len) }
    }

    /// The value of the last header called `name`; `None` where there is none, or one without a value.
    pub fn last_header(&self, name: &CStr) -> Option<&'b [u8]> {
        let mut headers = ptr::null_mut();
        let (mut value, mut len) = (ptr::null(), 0);
        // SAFETY: the message lives, and its headers as long as it does: they are parsed at the first call and stay its own. Both calls
        // write to variables of ours; the name ends with a zero, and so does each that it is compared with.
        unsafe {
            if sys::rd_kafka_message_headers(self.raw, &raw mut headers) != OK
                || sys::rd_kafka_header_get_last(headers, name.as_ptr(), &raw mut value, &raw mut len) != OK
            {
                return None;
            }
            bytes(value, len)
        }
    }

    /// Milliseconds since 1970, as the broker or the producer stamped it. `None` where there is no stamp.
    pub fn timestamp(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message lives; `kind` is ours.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.raw, &raw mut kind) };
        (kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE).then_some(millis)
    }
}

/// Has a client know these brokers, too (`host:port`, separated by commas), and connect to one of them if it knew none.
pub fn add_brokers<C: ClientContext>(client: &Client<C>, brokers: &str) {
    let Ok(brokers) = CString::new(brokers) else { return };
    // SAFETY: the client lives; the text is copied, and ends with a zero.
    unsafe { sys::rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) };
}

const OK: sys::rd_kafka_resp_err_t = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;

unsafe fn bytes<'b>(start: *const c_void, len: usize) -> Option<&'b [u8]> {
    // SAFETY: the caller's: `len` bytes are there, and live as long as `'b`.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast::<u8>(), len) })
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// There is no room now: wait, and send it again.
    Full,
    /// Larger than `message.max.bytes`.
    TooLarge,
    /// Anything else.
    Refused(RDKafkaErrorCode),
}

/// Topics that a producer sends to.
pub struct Outbox<C: ProducerContext + 'static> {
    topics: Vec<*mut sys::rd_kafka_topic_t>,
    producer: Arc<BaseProducer<C>>,
}

/// Lets the partitioner choose by the key.
pub const BY_KEY: i32 = -1;

impl<C: ProducerContext + 'static> Outbox<C> {
    /// Opens `topics`.
    pub fn new(producer: &Arc<BaseProducer<C>>, topics: &[String]) -> Result<Self, KafkaError> {
        let mut outbox = Self { topics: Vec::new(), producer: Arc::clone(producer) };
        for topic in topics {
            let problem = || KafkaError::Config {
                what: format!("topic '{topic}'"),
                problem: "no name of a topic".to_owned(),
            };
            let name = CString::new(topic.as_str()).map_err(|_| problem())?;
            // SAFETY: the client lives, and is kept; no configuration is given.
            let handle = unsafe {
                sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut())
            };
            if handle.is_null() {
                return Err(problem());
            }
            outbox.topics.push(handle);
        }
        Ok(outbox)
    }

    /// Sends a message to topic number `topic`. The bytes are copied. `millis` is its time, which a topic of ours replaces by its own: given,
    /// the clock is not asked for every message.
    pub fn send(
        &self,
        (topic, partition): (usize, i32),
        millis: i64,
        payload: &[u8],
        key: Option<&[u8]>,
        headers: &[(&CStr, &[u8])],
    ) -> Result<(), NotSent> {
        let flags = sys::RD_KAFKA_MSG_F_COPY;
        // SAFETY: topic and client live; payload, key and headers are copied before the call returns. Headers are the producer's when
        // it has taken the message, and ours when it has not.
        unsafe {
            let made = sys::rd_kafka_headers_new(headers.len());
            for (name, value) in headers {
                let len = |bytes: &[u8]| isize::try_from(bytes.len()).unwrap_or(0);
                let (name_len, value_len) = (len(name.to_bytes()), len(value));
                sys::rd_kafka_header_add(made, name.as_ptr(), name_len, value.as_ptr().cast(), value_len);
            }
            let vus = [
                vu(sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_RKT, Value { rkt: self.topics[topic] }),
                vu(sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION, Value { i32_: partition }),
                vu(sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS, Value { i: flags }),
                vu(sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TIMESTAMP, Value { i64_: millis }),
                vu(sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE, Value { mem: memory(payload) }),
                vu(sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS, Value { headers: made }),
                vu(sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY, Value { mem: memory(key.unwrap_or_default()) }),
            ];
            let count = vus.len() - usize::from(key.is_none());
            let error = sys::rd_kafka_produceva(self.producer.client().native_ptr(), vus.as_ptr(), count);
            if error.is_null() {
                return Ok(());
            }
            sys::rd_kafka_headers_destroy(made);
            let code = sys::rd_kafka_error_code(error);
            sys::rd_kafka_error_destroy(error);
            Err(match code {
                sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL => NotSent::Full,
                sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE => NotSent::TooLarge,
                other => NotSent::Refused(other.into()),
            })
        }
    }

    /// Commits the transaction. rdkafka's own call waits a tenth of a second whenever anything is in flight: it polls for receipts that
    /// do not come when only errors are reported.
    pub fn commit(&self, wait: Duration) -> Result<(), KafkaError> {
        let wait = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the client lives; the error is read, then destroyed, once.
        unsafe {
            let error = sys::rd_kafka_commit_transaction(self.producer.client().native_ptr(), wait);
            if error.is_null() {
                return Ok(());
            }
            let remedy = Remedy::of(
                sys::rd_kafka_error_is_fatal(error) != 0,
                sys::rd_kafka_error_txn_requires_abort(error) != 0,
                sys::rd_kafka_error_is_retriable(error) != 0,
            );
            let code = sys::rd_kafka_error_code(error).into();
            sys::rd_kafka_error_destroy(error);
            Err(KafkaError::Transaction { what: "committing a transaction", code, remedy })
        }
    }

    /// Messages that are not acknowledged yet.
    pub fn in_flight(&self) -> usize {
        // SAFETY: the client lives.
        usize::try_from(unsafe { sys::rd_kafka_outq_len(self.producer.client().native_ptr()) }).unwrap_or(0)
    }
}

// SAFETY: handles of topics may be used by any thread, and all calls that take them lock inside librdkafka; `&mut` or a lock is needed to give
// one away, so that it is used by one thread at a time.
unsafe impl<C: ProducerContext + 'static> Send for Outbox<C> {}

impl<C: ProducerContext + 'static> Drop for Outbox<C> {
    fn drop(&mut self) {
        for topic in self.topics.drain(..) {
            // SAFETY: ours.
            unsafe { sys::rd_kafka_topic_destroy(topic) };
        }
    }
}

type Value = sys::rd_kafka_vu_s__bindgen_ty_1;

const fn vu(vtype: sys::rd_kafka_vtype_t, u: Value) -> sys::rd_kafka_vu_t {
    sys::rd_kafka_vu_t { vtype, u }
}

const fn memory(bytes: &[u8]) -> sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
    sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
        ptr: bytes.as_ptr().cast_mut().cast(),
        size: bytes.len(),
    }
}

const _: () = assert!(size_of::<c_char>() == 1);
