//! Bringing blobs to their final key while servers serve them.

use std::time::Duration;

use super::*;
use crate::registry::{Care, Rules};
use crate::storage::Key;

fn quietly(_: &str, _: u64) {}

fn care(world: &World) -> Care {
    Care::of(&world.registry, &storage(), Rules::new(Duration::from_secs(60))).unwrap()
}

#[tokio::test]
async fn parts_stay_as_long_as_a_url_to_them_may_be_used() {
    let [_, world] = World::of_objects();
    let content = vec![9; 3_000_000];
    let large = world.push_blob("a", &content).await;
    let store = world.registry.store(&storage()).unwrap();
    let pointer = store.pointer(&large).await.unwrap().unwrap();
    let other = world.again();
    let wait = Duration::from_millis(1500);
    assert!(crate::registry::Settled::WAIT > crate::storage::URL_LIFE);
    let settling = tokio::spawn(async move { care(&other).settle(wait, &quietly).await });
    for _ in 0..100 {
        if store.exists(&Key::blob(&large)).await.unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(store.exists(&Key::blob(&large)).await.unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(store.exists(&pointer.parts[0].key).await.unwrap() && !settling.is_finished());
    assert_eq!(settling.await.unwrap().unwrap().blobs, 1);
    assert!(store.pointer(&large).await.unwrap().is_none() && !store.has_any(&Key::all_parts()).await.unwrap());
}

#[tokio::test]
async fn a_blob_is_read_on_at_its_final_key() {
    let [_, world] = World::of_objects();
    let content: Vec<u8> = (0..3_000_000_u32).map(|at| (at / 7) as u8).collect();
    let large = world.push_blob("a", &content).await;
    let permit = world.pull("a");
    let begun = world.registry.blob(&permit, &large).await.unwrap();
    let located = world.registry.blob(&permit, &large).await.unwrap();
    let mut begun = begun.read(5, 2_999_999).await.unwrap();
    let mut read = begun.next().await.unwrap().unwrap().to_vec();
    let settled = care(&world.again()).settle(Duration::ZERO, &quietly).await.unwrap();
    assert_eq!((settled.blobs, settled.bytes), (1, 3_000_000));
    while let Some(piece) = begun.next().await {
        read.extend_from_slice(&piece.unwrap());
    }
    assert!(read == content[5..2_999_999]);
    // Its first part is gone already.
    let (mut read, mut late) = (Vec::new(), located.read(2_100_000, 2_100_003).await.unwrap());
    while let Some(piece) = late.next().await {
        read.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(read, content[2_100_000..2_100_003]);
}
