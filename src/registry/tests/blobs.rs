//! Blobs and uploads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::oci::{ContentRange, UploadId};
use crate::storage::Acquired;

fn range(first: u64, length: u64) -> Option<ContentRange> {
    Some(ContentRange { first, length })
}

#[tokio::test]
async fn what_is_pushed_can_be_pulled() {
    for world in World::all().await {
        let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        for content in [&b""[..], b"hello", &large] {
            let digest = world.push_blob("a", content).await;
            assert!(world.read_blob("a", &digest).await.unwrap() == content);
            assert_eq!(world.registry.blob_size(&world.pull("a"), &digest).await.unwrap(), content.len() as u64);
        }
        let digest = sha256(&large);
        let blob = world.registry.blob(&world.pull("a"), &digest).await.unwrap();
        let part: Vec<Bytes> = blob.read(1_000_000, 1_000_010).await.unwrap().map(Result::unwrap).collect().await;
        assert_eq!(part.concat(), &large[1_000_000..1_000_010]);
    }
}

#[tokio::test]
async fn one_image_never_shows_the_blobs_of_another() {
    for world in World::all().await {
        let digest = world.push_blob("a", b"secret").await;
        assert!(matches!(world.read_blob("b", &digest).await, Err(RegistryError::BlobUnknown)));
        let size = world.registry.blob_size(&world.pull("b"), &digest).await;
        assert!(matches!(size, Err(RegistryError::BlobUnknown)));
        let stolen = world.put("b", &["t"], &manifest(&digest, "")).await;
        assert!(matches!(stolen, Err(RegistryError::ManifestBlobUnknown(named)) if named == digest));
        assert!(matches!(world.get("b", "t").await, Err(RegistryError::ManifestUnknown)));

        // Whoever has the bytes may have them in both, and they are stored once.
        world.push_blob("b", b"secret").await;
        assert_eq!(world.read_blob("b", &digest).await.unwrap(), b"secret");
        world.delete_blob("b", &digest).await.unwrap();
        assert!(matches!(world.read_blob("b", &digest).await, Err(RegistryError::BlobUnknown)));
        assert_eq!(world.read_blob("a", &digest).await.unwrap(), b"secret");
        assert!(matches!(world.delete_blob("b", &digest).await, Err(RegistryError::BlobUnknown)));
    }
}

#[tokio::test]
async fn an_upload_goes_on_in_another_process() {
    for mut world in World::all().await {
        for algorithm in Algorithm::ALL {
            let id = world.registry.start_upload(&world.push("a")).await.unwrap().id;
            let mut offset = 0;
            for chunk in ["one, ", "two, ", "three"] {
                let push = world.push("a");
                let sent = world.registry.append_upload(
                    &push,
                    id,
                    range(offset, chunk.len() as u64),
                    body(chunk.as_bytes()),
                    &always,
                );
                offset = sent.await.unwrap().offset;
                world = world.reopened().await;
                assert_eq!(world.registry.upload_status(&world.push("a"), id).await.unwrap().offset, offset);
            }
            let digest = Digest::of(algorithm, b"one, two, three!");
            let push = world.push("a");
            world.registry.finish_upload(&push, id, range(15, 1), body(b"!"), &digest, &always).await.unwrap();
            assert_eq!(world.read_blob("a", &digest).await.unwrap(), b"one, two, three!");
            let status = world.registry.upload_status(&push, id).await;
            assert!(matches!(status, Err(RegistryError::UploadUnknown)));
        }
    }
}

#[tokio::test]
async fn a_refused_chunk_leaves_no_trace() {
    for world in World::all().await {
        let push = world.push("a");
        let registry = &world.registry;
        let id = registry.start_upload(&push).await.unwrap().id;
        registry.append_upload(&push, id, None, body(b"abc"), &always).await.unwrap();

        let gap = registry.append_upload(&push, id, range(4, 1), body(b"e"), &always).await;
        assert!(matches!(gap, Err(RegistryError::UploadOffset { offset: 3 })));
        let again = registry.append_upload(&push, id, range(0, 3), body(b"abc"), &always).await;
        assert!(matches!(again, Err(RegistryError::UploadOffset { offset: 3 })));
        let short = registry.append_upload(&push, id, range(3, 5), body(b"de"), &always).await;
        assert!(matches!(short, Err(RegistryError::Size { announced: 5, received: 2 })));
        let long = registry.append_upload(&push, id, range(3, 1), body(b"de"), &always).await;
        assert!(matches!(long, Err(RegistryError::Size { announced: 1, .. })));
        let broken = stream::iter([Ok(Bytes::from(vec![b'x'; 1_500_000])), Err(BodyError::Broken("cut".into()))]);
        let broken = registry.append_upload(&push, id, None, broken, &always).await;
        assert!(matches!(broken, Err(RegistryError::Body(BodyError::Broken(_)))));
        let withdrawn = registry.append_upload(&push, id, None, body(b"de"), &|| false).await;
        assert!(matches!(withdrawn, Err(RegistryError::Withdrawn)));
        let digest = sha256(b"abcdef");
        let wrong = registry.finish_upload(&push, id, None, body(b"xyz"), &digest, &always).await;
        assert!(matches!(wrong, Err(RegistryError::DigestMismatch { actual }) if actual == sha256(b"abcxyz")));
        let withdrawn = registry.finish_upload(&push, id, None, body(b"def"), &digest, &|| false).await;
        assert!(matches!(withdrawn, Err(RegistryError::Withdrawn)));
        assert!(matches!(world.read_blob("a", &digest).await, Err(RegistryError::BlobUnknown)));

        assert_eq!(registry.upload_status(&push, id).await.unwrap().offset, 3);
        registry.finish_upload(&push, id, range(3, 3), body(b"def"), &digest, &always).await.unwrap();
        assert_eq!(world.read_blob("a", &digest).await.unwrap(), b"abcdef");
    }
}

#[tokio::test]
async fn an_upload_belongs_to_its_owner_and_its_image() {
    for world in World::all().await {
        let jane = world.as_user("jane");
        let id = jane.registry.start_upload(&jane.push("a")).await.unwrap().id;
        for push in [world.push("a"), world.as_user("bob").push("a"), jane.push("b")] {
            let registry = &world.registry;
            assert!(matches!(registry.upload_status(&push, id).await, Err(RegistryError::UploadUnknown)));
            let appended = registry.append_upload(&push, id, None, body(b"x"), &always).await;
            assert!(matches!(appended, Err(RegistryError::UploadUnknown)));
            let finished = registry.finish_upload(&push, id, None, body(b"x"), &sha256(b"x"), &always).await;
            assert!(matches!(finished, Err(RegistryError::UploadUnknown)));
            assert!(matches!(registry.cancel_upload(&push, id).await, Err(RegistryError::UploadUnknown)));
        }
        jane.registry.cancel_upload(&jane.push("a"), id).await.unwrap();
        let status = jane.registry.upload_status(&jane.push("a"), id).await;
        assert!(matches!(status, Err(RegistryError::UploadUnknown)));
        let unknown = jane.registry.upload_status(&jane.push("a"), UploadId::random()).await;
        assert!(matches!(unknown, Err(RegistryError::UploadUnknown)));
    }
}

#[tokio::test]
async fn of_two_writers_one_is_told_where_the_upload_stands() {
    for world in World::all().await {
        let push = world.push("a");
        let id = world.registry.start_upload(&push).await.unwrap().id;
        world.registry.append_upload(&push, id, None, body(b"abc"), &always).await.unwrap();

        let (sender, receiver) = futures_channel();
        let slow = world.registry.append_upload(&push, id, None, receiver, &always);
        let fast = async {
            sender.send(Ok(Bytes::from_static(b"d"))).await.unwrap();
            // The first writer has taken its first byte, and so holds the upload, where one can.
            sender.reserve_many(1).await.unwrap();
            let second = world.registry.append_upload(&push, id, None, body(b"zz"), &always).await;
            drop(sender);
            second
        };
        let (slow, fast) = futures_util::future::join(slow, fast).await;
        let whole = if world.memory.is_some() {
            // Nobody can be kept out of objects: whose record is there first has won.
            assert_eq!(fast.unwrap().offset, 5);
            assert!(matches!(slow, Err(RegistryError::UploadOffset { offset: 5 })));
            sha256(b"abczz")
        } else {
            assert!(matches!(fast, Err(RegistryError::UploadOffset { offset: 3 })));
            assert_eq!(slow.unwrap().offset, 4);
            sha256(b"abcd")
        };
        world.registry.finish_upload(&push, id, None, body(b""), &whole, &always).await.unwrap();
    }
}

type Sender = tokio::sync::mpsc::Sender<Result<Bytes, BodyError>>;

fn futures_channel() -> (Sender, impl Stream<Item = Result<Bytes, BodyError>> + Unpin) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    (sender, stream::poll_fn(move |context| receiver.poll_recv(context)))
}

#[tokio::test]
async fn a_client_that_goes_away_frees_the_upload() {
    for world in World::all().await {
        let push = world.push("a");
        let id = world.registry.start_upload(&push).await.unwrap().id;
        let endless = stream::iter([Ok(Bytes::from_static(b"abc"))]).chain(stream::pending());
        let gone = world.registry.append_upload(&push, id, None, endless, &always);
        assert!(tokio::time::timeout(Duration::from_millis(200), gone).await.is_err());
        assert_eq!(world.registry.upload_status(&push, id).await.unwrap().offset, 0);
        world.registry.append_upload(&push, id, range(0, 1), body(b"x"), &always).await.unwrap();
    }
}

#[tokio::test]
async fn a_whole_upload_that_fails_keeps_nothing() {
    let (world, root) = World::on_files().await;
    let push = world.push("a");
    let wrong = world.registry.upload_whole(&push, &sha256(b"other"), body(b"this"), &always).await;
    assert!(matches!(wrong, Err(RegistryError::DigestMismatch { .. })));
    let data = root.join("docker/registry/v2/repositories/a/_uploads");
    let sessions = root.join("portolan/v1/uploads");
    for _ in 0..100 {
        let left = [&data, &sessions].iter().filter_map(|folder| folder.read_dir().ok()).flatten().count();
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the bytes of an upload that failed are still there");
}

#[tokio::test]
async fn old_uploads_expire() {
    for world in World::all().await {
        let push = world.push("a");
        let id = world.registry.start_upload(&push).await.unwrap().id;
        world.registry.append_upload(&push, id, None, body(b"abc"), &always).await.unwrap();
        assert_eq!(world.registry.expire_uploads(Duration::from_secs(3600)).await, 0);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(world.registry.expire_uploads(Duration::ZERO).await, 1);
        assert!(matches!(world.registry.upload_status(&push, id).await, Err(RegistryError::UploadUnknown)));
    }
}

#[tokio::test]
async fn a_finish_that_was_cut_off_after_the_blob_was_there_can_be_repeated() {
    let (world, root) = World::on_files().await;
    let push = world.push("a");
    let id = world.registry.start_upload(&push).await.unwrap().id;
    world.registry.append_upload(&push, id, None, body(b"abc"), &always).await.unwrap();
    // As a process leaves it that is killed before it removes the session.
    world.push_blob("a", b"abc").await;
    std::fs::remove_file(root.join(format!("docker/registry/v2/repositories/a/_uploads/{id}/data"))).unwrap();

    let other = world.registry.finish_upload(&push, id, None, body(b""), &sha256(b"other"), &always).await;
    assert!(matches!(other, Err(RegistryError::UploadUnknown)));
    world.registry.finish_upload(&push, id, None, body(b""), &sha256(b"abc"), &always).await.unwrap();
    assert!(matches!(world.registry.upload_status(&push, id).await, Err(RegistryError::UploadUnknown)));
}

#[tokio::test]
async fn a_blob_that_was_cut_off_is_an_error_and_heals_with_the_next_push() {
    let (world, root) = World::on_files().await;
    let content = vec![7; 2_000_000];
    let digest = world.push_blob("a", &content).await;
    let path = root.join(crate::storage::Key::blob(&digest).as_str());
    let blob = world.registry.blob(&world.pull("a"), &digest).await.unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(1_000_000).unwrap();
    let pieces: Vec<_> = blob.read(0, 2_000_000).await.unwrap().collect().await;
    assert!(pieces.last().unwrap().is_err());
    world.push_blob("a", &content).await;
    assert!(world.read_blob("a", &digest).await.unwrap() == content);
}

#[tokio::test]
async fn a_folder_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for root in [file.clone(), file.join("below")] {
        let error = Registry::new().open(&storage(), StoreOptions::Fs { root }).await.unwrap_err();
        assert!(error.to_string().contains("is not a folder"), "{error}");
    }
}

#[tokio::test]
async fn a_blob_is_mounted_from_where_it_may_be_pulled_only() {
    for world in World::all().await {
        let digest = world.push_blob("team/a", b"layer").await;
        let hidden = world.push_blob("team/hidden", b"hidden").await;
        let rules = granting(&["repository:a:pull", "repository:b:pull", "repository:b:push"]);
        let world = world.under([repository("team", rules, &[])]);
        let registry = &world.registry;
        assert!(!registry.mount(&world.mount("team/b", Some("team/hidden")), &hidden).await.unwrap());
        assert!(!registry.mount(&world.mount("team/b", Some("team/a")), &hidden).await.unwrap());
        assert!(!registry.mount(&world.mount("team/b", None), &hidden).await.unwrap());
        assert!(matches!(world.read_blob("team/b", &hidden).await, Err(RegistryError::BlobUnknown)));
        assert!(registry.mount(&world.mount("team/b", Some("team/a")), &digest).await.unwrap());
        assert_eq!(world.read_blob("team/b", &digest).await.unwrap(), b"layer");
    }
    for world in World::all().await {
        let digest = world.push_blob("team/a", b"layer").await;
        assert!(world.registry.mount(&world.mount("team/b", None), &digest).await.unwrap());
        assert_eq!(world.read_blob("team/b", &digest).await.unwrap(), b"layer");
    }
}

#[tokio::test]
async fn an_upload_that_has_ended_does_not_begin_again() {
    let (world, root) = World::on_files().await;
    let push = world.push("a");
    let id = world.registry.start_upload(&push).await.unwrap().id;
    // As another process leaves it that has just made it a blob.
    let folder = root.join(format!("docker/registry/v2/repositories/a/_uploads/{id}"));
    std::fs::remove_dir_all(&folder).unwrap_or_default();
    let appended = world.registry.append_upload(&push, id, None, body(b"abc"), &always).await;
    assert!(matches!(appended, Err(RegistryError::UploadUnknown)));
    assert!(!folder.exists());
}

#[tokio::test]
async fn only_the_file_that_was_hashed_becomes_a_blob() {
    let (world, root) = World::on_files().await;
    let push = world.push("a");
    let id = world.registry.start_upload(&push).await.unwrap().id;
    let store = world.registry.store(&storage()).unwrap();
    let Acquired::Writer(writer) = store.acquire_upload(&image("a"), None, id).await.unwrap() else {
        panic!("nobody else is at work on it");
    };
    let writer = writer.write(vec![Bytes::from_static(b"abc")]).await.unwrap();
    let data = root.join(format!("docker/registry/v2/repositories/a/_uploads/{id}/data"));
    std::fs::remove_file(&data).unwrap();
    std::fs::write(&data, "").unwrap();
    assert!(!store.publish_upload(writer, &sha256(b"abc")).await.unwrap());
    assert!(matches!(world.read_blob("a", &sha256(b"abc")).await, Err(RegistryError::BlobUnknown)));
}

#[tokio::test]
async fn one_damaged_upload_does_not_keep_the_others_from_expiring() {
    let (world, root) = World::on_files().await;
    let push = world.push("a");
    for name in ["00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff"] {
        let folder = root.join("portolan/v1/uploads").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("session"), "not json").unwrap();
    }
    world.registry.start_upload(&push).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(world.registry.expire_uploads(Duration::ZERO).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_that_just_begins_is_not_taken_for_one_that_was_half_removed() {
    let (world, root) = World::on_files().await;
    let beside = World::new(StoreOptions::Fs { root }, None).await;
    let is_over = AtomicBool::new(false);
    let expire = async |world: &World| {
        while !is_over.load(Ordering::Relaxed) {
            assert_eq!(world.registry.expire_uploads(Duration::from_secs(3600)).await, 0);
        }
    };
    let begin = async {
        let push = world.push("a");
        for _ in 0..60 {
            let begun = join_all((0..8).map(async |_| world.registry.start_upload(&push).await.unwrap().id)).await;
            for id in begun {
                world.registry.upload_status(&push, id).await.unwrap();
                world.registry.cancel_upload(&push, id).await.unwrap();
            }
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(begin, expire(&world), expire(&beside));
}

#[tokio::test]
async fn only_the_storages_that_are_asked_for_must_be_ready() {
    let (world, root) = World::on_files().await;
    let absent = StorageKey("absent".into());
    assert!(matches!(world.registry.ready([&absent]).await, Err(crate::storage::StorageError::Closed(_))));
    std::fs::remove_dir_all(root).unwrap();
    assert!(world.registry.ready([&storage()]).await.is_err());
    assert!(world.registry.ready([]).await.is_ok());
}
