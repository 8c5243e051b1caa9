//! What only storages of objects do: parts, pointers, chains of records, and who wins a race in them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use object_store::ObjectStore;

use super::*;
use crate::oci::UploadId;

impl World {
    /// The keys of all objects that begin so.
    async fn keys(&self, beginning: &str) -> BTreeSet<String> {
        let (memory, _) = self.memory.clone().unwrap();
        let found: Vec<_> = memory.list(None).map(|found| found.unwrap().location.to_string()).collect().await;
        found.into_iter().filter(|key| key.starts_with(beginning)).collect()
    }

    /// Waits until an upload has left nothing but what its blob is made of.
    async fn settled(&self) {
        for _ in 0..100 {
            if self.keys("portolan/v1/uploads").await.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("left: {:?}", self.keys("portolan/v1").await);
    }

    async fn begin(&self) -> UploadId {
        self.registry.start_upload(&self.push("a")).await.unwrap().id
    }

    async fn append(&self, id: UploadId, content: &[u8]) -> Result<u64, RegistryError> {
        let status = self.registry.append_upload(&self.push("a"), id, None, body(content), &always).await?;
        Ok(status.offset)
    }

    async fn finish(&self, id: UploadId, rest: &[u8], digest: &Digest) -> Result<(), RegistryError> {
        self.registry.finish_upload(&self.push("a"), id, None, body(rest), digest, &always).await
    }
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8).collect()
}

#[tokio::test]
async fn small_blobs_lie_where_others_look_for_them_and_large_ones_stay_in_parts() {
    let [_, world] = World::of_objects();
    for (chunks, objects) in [
        (vec![500], 0),
        (vec![0], 0),
        (vec![300, 400, 0], 0),
        (vec![3_000_000], 2),
        (vec![1_500_000, 10, 1_048_576], 3),
    ] {
        let content = noise(chunks.iter().sum());
        let digest = sha256(&content);
        let id = world.begin().await;
        let mut at = 0;
        for (index, length) in chunks.iter().enumerate() {
            let chunk = &content[at..at + length];
            at += length;
            if index + 1 == chunks.len() {
                world.finish(id, chunk, &digest).await.unwrap();
            } else {
                assert_eq!(world.append(id, chunk).await.unwrap(), at as u64);
            }
        }
        world.settled().await;
        assert_eq!(world.keys("portolan/v1/parts").await.len(), objects, "{chunks:?}");
        assert_eq!(world.keys("portolan/v1/blobs").await.len(), usize::from(objects > 0));
        assert_eq!(world.keys("docker/registry/v2/blobs").await.len(), usize::from(objects == 0));
        assert!(world.again().read_blob("a", &digest).await.unwrap() == content);
        // Across the borders of parts.
        for (start, end) in
            [(0, 0), (0, 1), (content.len() / 3, content.len()), (content.len() / 2, content.len() / 2 + 1)]
        {
            let blob = world.registry.blob(&world.pull("a"), &digest).await.unwrap();
            let end = end.min(content.len());
            let read: Vec<Bytes> =
                blob.read(start as u64, end as u64).await.unwrap().map(Result::unwrap).collect().await;
            assert!(read.concat() == content[start.min(end)..end]);
        }
        for key in world.keys("").await {
            world.memory.as_ref().unwrap().0.delete_stream(stream::iter([Ok(key.into())]).boxed()).next().await;
        }
    }
}

#[tokio::test]
async fn a_blob_that_is_there_keeps_its_parts_and_the_second_upload_goes() {
    let [_, world] = World::of_objects();
    let content = noise(2_500_000);
    let digest = world.push_blob("a", &content).await;
    world.settled().await;
    let parts = world.keys("portolan/v1/parts").await;
    world.push_blob("b", &content).await;
    world.settled().await;
    assert_eq!(world.keys("portolan/v1/parts").await, parts);

    // One whose bytes are gone is written anew.
    let part = parts.iter().next().unwrap().as_str();
    world.memory.as_ref().unwrap().0.delete_stream(stream::iter([Ok(part.into())]).boxed()).next().await;
    assert!(world.again().read_blob("a", &digest).await.is_err());
    world.push_blob("b", &content).await;
    world.settled().await;
    assert!(world.again().read_blob("a", &digest).await.unwrap() == content);
}

#[tokio::test]
async fn what_lies_short_at_the_final_key_does_not_stay_in_the_way_of_a_push() {
    let [_, world] = World::of_objects();
    let memory = &world.memory.as_ref().unwrap().0;
    // Small enough to be copied or put together, and so large that it stays in parts.
    for length in [1_000, 2_500_000] {
        let content = noise(length);
        let digest = sha256(&content);
        let short = crate::storage::Key::blob(&digest).to_string();
        memory.put_opts(&short.into(), noise(length / 2).into(), Default::default()).await.unwrap();
        // This process knows where the short one is.
        let store = world.registry.store(&storage()).unwrap();
        assert_eq!(store.open_blob(&digest).await.unwrap().unwrap().size(), length as u64 / 2);
        let id = world.begin().await;
        world.append(id, &content).await.unwrap();
        world.finish(id, b"", &digest).await.unwrap();
        assert!(world.read_blob("a", &digest).await.unwrap() == content, "{length}");
        assert!(world.again().read_blob("a", &digest).await.unwrap() == content, "{length}");
    }
}

#[tokio::test]
async fn an_upload_with_too_many_chunks_takes_no_other() {
    let [world, _] = World::of_objects();
    let id = world.begin().await;
    world.append(id, b"ab").await.unwrap();
    let memory = &world.memory.as_ref().unwrap().0;
    let folder = format!("portolan/v1/uploads/{id}");
    let record = world.keys(&folder).await.into_iter().find(|key| !key.ends_with("session")).unwrap();
    // What counts are the records before the last.
    let place =
        |place: usize| record.rsplit_once('/').map(|(folder, name)| format!("{folder}/{place:0w$}", w = name.len()));
    let last = memory.get_opts(&record.as_str().into(), Default::default()).await.unwrap().bytes().await.unwrap();
    for number in 0..10_000 {
        let path = place(number).unwrap().into();
        memory.put_opts(&path, last.clone().into(), Default::default()).await.unwrap();
    }
    let refused = world.append(id, b"c").await;
    assert!(matches!(refused, Err(RegistryError::UploadChunks)), "{refused:?}");
}

#[tokio::test]
async fn whoever_finishes_again_what_another_process_has_finished_is_told_so() {
    let [_, world] = World::of_objects();
    let digest = world.push_blob("a", b"content").await;
    let id = world.begin().await;
    world.append(id, b"content").await.unwrap();
    let store = world.registry.store(&storage()).unwrap();
    let crate::storage::Acquired::Writer(writer) = store.acquire_upload(&image("a"), None, id).await.unwrap() else {
        panic!("there is a session");
    };
    assert!(store.publish_upload(writer, &digest).await.unwrap());
    world.again().finish(id, b"", &digest).await.unwrap();
}

#[tokio::test]
async fn a_tag_is_gone_with_all_of_its_history() {
    for world in World::of_objects() {
        let mut last = None;
        for number in 0..40 {
            last = Some(world.push_image("a", &["t"], &format!("content {number}")).await);
        }
        world.delete_manifest("a", &last.unwrap()).await.unwrap();
        assert_eq!(world.keys("docker/registry/v2/repositories/a/_manifests/tags").await, BTreeSet::new());
    }
}

#[tokio::test]
async fn a_part_that_is_not_as_long_as_it_was_is_an_error_and_never_a_shorter_blob() {
    let [_, world] = World::of_objects();
    let content = noise(2_500_000);
    let digest = world.push_blob("a", &content).await;
    world.settled().await;
    let part = world.keys("portolan/v1/parts").await.into_iter().next_back().unwrap();
    let memory = &world.memory.as_ref().unwrap().0;
    for length in [0, 100, 1_000_000] {
        memory.put_opts(&part.as_str().into(), noise(length).into(), Default::default()).await.unwrap();
        let read = world.again().read_blob("a", &digest).await;
        assert!(matches!(&read, Err(RegistryError::Storage(_))), "{length}");
    }
}

#[tokio::test]
async fn what_is_given_up_leaves_nothing() {
    for world in World::of_objects() {
        let large = noise(9_000_000);
        // Cancelled.
        let id = world.begin().await;
        world.append(id, &large).await.unwrap();
        world.registry.cancel_upload(&world.push("a"), id).await.unwrap();
        assert!(matches!(world.append(id, b"x").await, Err(RegistryError::UploadUnknown)));
        // Broken off in the midst of a chunk, and of a whole.
        let broken = || {
            let pieces: Vec<_> = large.chunks(500_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            stream::iter(pieces).chain(stream::iter([Err(BodyError::Broken("cut".into()))]))
        };
        let id = world.begin().await;
        let push = world.push("a");
        assert!(world.registry.append_upload(&push, id, None, broken(), &always).await.is_err());
        assert!(world.registry.upload_whole(&push, &sha256(&large), broken(), &always).await.is_err());
        // Refused for its digest.
        assert!(world.registry.upload_whole(&push, &sha256(b"other"), body(&large), &always).await.is_err());
        world.registry.cancel_upload(&push, id).await.unwrap();
        for _ in 0..100 {
            if world.keys("").await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(world.keys("").await, BTreeSet::new());
    }
}

#[tokio::test]
async fn multipart_uploads_of_a_killed_process_end_with_the_session() {
    let [_, world] = World::of_objects();
    let id = world.begin().await;
    let store = world.registry.store(&storage()).unwrap();
    let crate::storage::Acquired::Writer(writer) = store.acquire_upload(&image("a"), None, id).await.unwrap() else {
        panic!("there is a session");
    };
    let writer = writer.write(vec![noise(1_500_000).into()]).await.unwrap();
    // As a kill leaves it: nothing is cleaned up.
    std::mem::forget(writer);
    assert_eq!(world.keys(&format!("portolan/v1/uploads/{id}/multipart-")).await.len(), 1);
    let world = world.again();
    assert_eq!(world.append(id, b"abc").await.unwrap(), 3);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(world.registry.expire_uploads(Duration::ZERO).await, 1);
    assert_eq!(world.keys("").await, BTreeSet::new());
}

#[tokio::test]
async fn of_many_writers_of_one_chunk_one_wins() {
    for world in World::of_objects() {
        let id = world.begin().await;
        let contents: Vec<Vec<u8>> = (1..=16).map(|number| vec![number; 10 + usize::from(number)]).collect();
        let worlds: Vec<World> = contents.iter().map(|_| world.again()).collect();
        let results = join_all(worlds.iter().zip(&contents).map(|(world, content)| world.append(id, content))).await;
        let won: Vec<usize> = (0..16).filter(|at| results[*at].is_ok()).collect();
        let [winner] = won[..] else { panic!("{won:?}") };
        let offset = contents[winner].len() as u64;
        for (at, result) in results.iter().enumerate().filter(|(at, _)| *at != winner) {
            assert!(
                matches!(result, Err(RegistryError::UploadOffset { offset: told }) if *told == offset),
                "{at}: {result:?}"
            );
        }
        world.finish(id, b"", &sha256(&contents[winner])).await.unwrap();
        world.settled().await;
    }
}

#[tokio::test]
async fn an_upload_is_finished_or_cancelled_and_never_both() {
    for world in World::of_objects() {
        for round in 0..24_u8 {
            let content = vec![round; 2_000_000 + usize::from(round)];
            let digest = sha256(&content);
            let id = world.begin().await;
            world.append(id, &content).await.unwrap();
            let other = world.again();
            let push = other.push("a");
            let finish = async {
                tokio::task::yield_now().await;
                world.finish(id, b"", &digest).await
            };
            let cancel = async {
                for _ in 0..round % 16 {
                    tokio::task::yield_now().await;
                }
                other.registry.cancel_upload(&push, id).await
            };
            let (finished, cancelled) = futures_util::future::join(finish, cancel).await;
            world.settled().await;
            match finished {
                Ok(()) => {
                    assert!(cancelled.is_err(), "round {round}");
                    assert!(world.again().read_blob("a", &digest).await.unwrap() == content);
                }
                Err(RegistryError::UploadUnknown) => {
                    cancelled.unwrap();
                    assert!(matches!(world.again().read_blob("a", &digest).await, Err(RegistryError::BlobUnknown)));
                    assert_eq!(world.keys("portolan/v1/parts").await.len(), 0);
                }
                Err(error) => panic!("{error:?}"),
            }
            if finished_parts(&world).await > 0 {
                for key in world.keys("").await {
                    let memory = &world.memory.as_ref().unwrap().0;
                    memory.delete_stream(stream::iter([Ok(key.into())]).boxed()).next().await;
                }
            }
        }
    }
}

async fn finished_parts(world: &World) -> usize {
    world.keys("portolan/v1/parts").await.len()
}

#[tokio::test]
async fn many_may_finish_one_upload_and_one_blob_comes_of_it() {
    for world in World::of_objects() {
        let content = noise(2_500_000);
        let digest = sha256(&content);
        let id = world.begin().await;
        world.append(id, &content[..1_300_000]).await.unwrap();
        let worlds: Vec<World> = (0..8).map(|_| world.again()).collect();
        let rest = &content[1_300_000..];
        let finished = join_all(worlds.iter().map(|world| world.finish(id, rest, &digest))).await;
        assert!(finished.iter().any(Result::is_ok), "{finished:?}");
        for result in &finished {
            // Whoever comes when all is done finds no session any more.
            assert!(matches!(result, Ok(()) | Err(RegistryError::UploadUnknown)), "{result:?}");
        }
        world.settled().await;
        assert!(world.again().read_blob("a", &digest).await.unwrap() == content);
        let pointer = world.registry.store(&storage()).unwrap().pointer(&digest).await.unwrap();
        let wanted: BTreeSet<String> =
            pointer.into_iter().flat_map(|pointer| pointer.parts).map(|part| part.key.to_string()).collect();
        for _ in 0..50 {
            if world.keys("portolan/v1/parts").await == wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(world.keys("portolan/v1/parts").await, wanted);
    }
}

#[tokio::test]
async fn a_finish_goes_on_that_was_cut_off_after_its_record() {
    let [_, world] = World::of_objects();
    let content = noise(2_500_000);
    let digest = sha256(&content);
    let id = world.begin().await;
    world.append(id, &content).await.unwrap();
    // Take what came of finishing away again, save the record that says it was decided.
    let before: Vec<(String, Bytes)> = {
        let memory = &world.memory.as_ref().unwrap().0;
        let mut found = Vec::new();
        for key in world.keys("portolan/v1/uploads").await {
            let path = key.as_str().into();
            found.push((key, memory.get_opts(&path, Default::default()).await.unwrap().bytes().await.unwrap()));
        }
        found
    };
    let store = world.registry.store(&storage()).unwrap();
    let crate::storage::Acquired::Writer(writer) = store.acquire_upload(&image("a"), None, id).await.unwrap() else {
        panic!("there is a session");
    };
    assert!(store.publish_upload(writer, &digest).await.unwrap());
    let memory = &world.memory.as_ref().unwrap().0;
    for beginning in ["portolan/v1/blobs", "docker/registry/v2"] {
        for key in world.keys(beginning).await {
            memory.delete_stream(stream::iter([Ok(key.into())]).boxed()).next().await;
        }
    }
    assert_eq!(world.keys("portolan/v1/uploads").await.len(), before.len() + 1);

    let world = world.again();
    assert!(matches!(world.read_blob("a", &digest).await, Err(RegistryError::BlobUnknown)));
    assert!(matches!(world.append(id, b"x").await, Err(RegistryError::UploadUnknown)));
    assert!(world.finish(id, b"", &sha256(b"other")).await.is_err());
    world.finish(id, b"", &digest).await.unwrap();
    assert!(world.read_blob("a", &digest).await.unwrap() == content);
    world.settled().await;
}

#[tokio::test]
async fn of_many_creators_of_a_tag_one_wins() {
    for world in World::of_objects() {
        let rules = granting(&["repository:a:pull", "repository:a:push"]);
        let mut images = Vec::new();
        for number in 0..32 {
            let config = world.push_blob("team/a", format!("config {number}").as_bytes()).await;
            images.push(manifest(&config, ""));
        }
        let worlds: Vec<World> =
            images.iter().map(|_| world.again().under([repository("team", rules.clone(), &[])])).collect();
        let pushed =
            join_all(worlds.iter().zip(&images).map(|(world, image)| world.put("team/a", &["new"], image))).await;
        let won: Vec<_> = pushed.iter().filter_map(|result| result.as_ref().ok()).collect();
        let [winner] = won[..] else { panic!("{} have won", won.len()) };
        assert_eq!(world.get("team/a", "new").await.unwrap().digest, winner.digest);
        for result in pushed.iter().filter(|result| result.is_err()) {
            assert!(matches!(result, Err(RegistryError::TagExists(_))), "{result:?}");
        }
    }
}
