//! Who else reads a topic, and how far they are. Raw input may be erased only behind all of them.
//!
//! A group reads a topic when it has committed an offset of it, or has a member that was assigned a partition of it. What cannot be seen
//! counts as behind: a group that reads and has committed nothing for a partition, a group of a kind that the old description does not
//! show (KIP-848, share groups) and that has committed nothing of the topic, and every group where we may not see all of them. A reader
//! that keeps its position elsewhere than in Kafka cannot be seen by anyone: documents say so.

use std::collections::BTreeMap;

use rdkafka::consumer::Consumer;
use rdkafka::groups::GroupInfo;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::topics::{Cluster, TIMEOUT, TopicsError};

/// Another group's position on the partitions of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The group.
    pub group: String,
    /// The next offset that it has not handled; `None`: it reads the topic, and has none here.
    pub positions: BTreeMap<i32, Option<i64>>,
}

/// All other groups on a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// Those whose positions can be seen.
    pub seen: Vec<Reader>,
    /// What cannot be seen.
    pub unseen: Vec<String>,
}

impl Readers {
    /// Whether everything before `until` of a partition has been handled by all of them; otherwise why not.
    pub fn are_past(&self, partition: i32, until: i64) -> Result<(), String> {
        if let Some(why) = self.unseen.first() {
            return Err(why.clone());
        }
        for reader in &self.seen {
            match reader.positions.get(&partition).copied().flatten() {
                Some(position) if position >= until => {}
                Some(position) => {
                    return Err(format!(
                        "group {} is at offset {position} of partition {partition}, before {until}",
                        reader.group
                    ));
                }
                None => {
                    return Err(format!(
                        "group {} reads the topic and has no committed offset of partition {partition}",
                        reader.group
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Asks for every group but `own` on `partitions` of a topic.
pub fn others(cluster: &Cluster, own: &str, topic: &str, partitions: &[i32]) -> Result<Readers, TopicsError> {
    let mut readers = Readers::default();
    if !cluster.sees_every_group()? {
        readers
            .unseen
            .push("not every group can be seen: that takes the right Describe on the cluster".to_owned());
        return Ok(readers);
    }
    let listed = cluster.reader.client().fetch_group_list(None, TIMEOUT);
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            readers.unseen.push(format!("the groups cannot be listed ({error})"));
            return Ok(readers);
        }
    };
    for group in listed.groups().iter().filter(|group| group.name() != own) {
        if !matches!(group.protocol_type(), "consumer" | "share" | "") {
            continue;
        }
        let positions = match committed(cluster, group.name(), topic, partitions) {
            Ok(positions) => positions,
            Err(error) => {
                readers
                    .unseen
                    .push(format!("the position of group {} cannot be seen ({error})", group.name()));
                continue;
            }
        };
        let commits = positions.values().any(Option::is_some);
        match (commits, assigned(group, topic)) {
            (true, _) | (false, Assigned::Yes) => {
                readers.seen.push(Reader { group: group.name().to_owned(), positions });
            }
            (false, Assigned::Unseen) => readers.unseen.push(format!(
                "whether group {} reads the topic cannot be seen, and it has committed nothing of it",
                group.name()
            )),
            (false, Assigned::No) => {}
        }
    }
    Ok(readers)
}

/// The committed offsets of a group; it is asked for, never joined.
pub fn committed(
    cluster: &Cluster,
    group: &str,
    topic: &str,
    partitions: &[i32],
) -> Result<BTreeMap<i32, Option<i64>>, TopicsError> {
    let refused = |error: rdkafka::error::KafkaError| TopicsError::Refused {
        doing: format!("committed offsets of group {group} on topic {topic}"),
        words: format!("{error}; it takes the rights Describe on the group and on the topic"),
    };
    let mut asked = TopicPartitionList::new();
    for partition in partitions {
        asked.add_partition(topic, *partition);
    }
    let answer = cluster.of_group(group)?.committed_offsets(asked, TIMEOUT).map_err(refused)?;
    let mut positions = BTreeMap::new();
    for element in answer.elements() {
        element.error().map_err(refused)?;
        let offset = match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        positions.insert(element.partition(), offset);
    }
    Ok(positions)
}

/// Whether a group has a member that was assigned a partition of the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Assigned {
    Yes,
    No,
    Unseen,
}

fn assigned(group: &GroupInfo, topic: &str) -> Assigned {
    // A group that is described as dead although it was listed is of a kind that the description does not know.
    if group.state() == "Dead" || group.protocol_type() == "share" {
        return Assigned::Unseen;
    }
    let mut all = Assigned::No;
    for member in group.members() {
        match member.assignment().filter(|bytes| !bytes.is_empty()).map(topics_of) {
            Some(Some(topics)) if topics.contains(&topic.as_bytes()) => {
                return Assigned::Yes;
            }
            Some(Some(_)) => {}
            // In the middle of a rebalance nobody has an assignment.
            Some(None) | None => all = Assigned::Unseen,
        }
    }
    all
}

/// The topics of a member's assignment, as consumers write it: version, then per topic its name and partitions.
fn topics_of(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (_, rest) = bytes.split_first_chunk::<2>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let mut topics = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (name, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (partitions, after) = after.split_first_chunk::<4>()?;
        let bytes = usize::try_from(u32::from_be_bytes(*partitions)).ok()?.checked_mul(4)?;
        (_, rest) = after.split_at_checked(bytes)?;
        topics.push(name);
    }
    Some(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(positions: &[(i32, Option<i64>)]) -> Readers {
        let reader = Reader { group: "audit".into(), positions: positions.iter().copied().collect() };
        Readers { seen: vec![reader], unseen: Vec::new() }
    }

    #[test]
    fn nothing_is_erased_before_another_group_has_it() {
        assert_eq!(readers(&[(0, Some(10))]).are_past(0, 10), Ok(()));
        assert!(readers(&[(0, Some(9))]).are_past(0, 10).unwrap_err().contains("group audit is at offset 9"));
        assert!(readers(&[(0, None)]).are_past(0, 10).unwrap_err().contains("no committed offset"));
        assert!(readers(&[(1, Some(99))]).are_past(0, 10).is_err());
        assert_eq!(Readers::default().are_past(0, 10), Ok(()));
        let unseen = Readers { unseen: vec!["not every group can be seen".into()], ..Readers::default() };
        assert!(unseen.are_past(0, 0).is_err());
    }

    #[test]
    fn an_assignment_is_read_or_not_understood() {
        let mut bytes = vec![0, 1, 0, 0, 0, 2];
        for (name, partitions) in [("raw", 2u8), ("other", 0)] {
            bytes.extend([0, name.len() as u8]);
            bytes.extend(name.as_bytes());
            bytes.extend([0, 0, 0, partitions]);
            bytes.extend(vec![0; usize::from(partitions) * 4]);
        }
        bytes.extend([255; 4]);
        assert_eq!(topics_of(&bytes), Some(vec![&b"raw"[..], &b"other"[..]]));
        // All but the user data at the end is needed.
        for cut in 0..bytes.len() - 4 {
            assert_eq!(topics_of(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(topics_of(&[0, 1, 255, 255, 255, 255, 0, 1]), None);
    }
}
