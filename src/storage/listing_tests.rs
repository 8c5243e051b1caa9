//! Lists of every kind of storage against the plain order of names.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, ObjectStoreExt as _};
use proptest::prelude::*;

use super::directories::Directories;
use super::folders::Folders;
use super::listing::{Children, Lister, Names};
use super::{Key, stems};

/// Lists keys as S3 does: in byte order of the keys, with what lies below the delimiter taken together,
/// in pages whose tokens say what was given out last.
#[derive(Default)]
struct FakeS3 {
    keys: Mutex<BTreeSet<String>>,
    /// The most that it gives at once.
    page: usize,
    calls: AtomicUsize,
}

type ListFuture<'a> = Pin<Box<dyn Future<Output = object_store::Result<PaginatedListResult>> + Send + 'a>>;

impl PaginatedListStore for FakeS3 {
    fn list_paginated<'a, 'b, 'c>(&'a self, prefix: Option<&'b str>, options: PaginatedListOptions) -> ListFuture<'c>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(async move { Ok(self.list(prefix.unwrap_or_default(), &options)) })
    }
}

impl FakeS3 {
    fn list(&self, prefix: &str, options: &PaginatedListOptions) -> PaginatedListResult {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let max = options.max_keys.unwrap_or(1000).min(self.page);
        assert!(max > 0);
        let (mut common_prefixes, mut objects) = (Vec::<Path>::new(), Vec::new());
        let mut given = None;
        let mut is_truncated = false;
        for key in self.keys.lock().unwrap().iter().filter(|key| key.starts_with(prefix)) {
            let folder = options
                .delimiter
                .as_ref()
                .and_then(|delimiter| key[prefix.len()..].find(&**delimiter).map(|at| &key[..=prefix.len() + at]));
            let entry = folder.unwrap_or(key);
            // A token continues after an entry; an offset leaves out keys, so that it can lie in a folder.
            let is_over = match &options.page_token {
                Some(token) => entry <= token.as_str(),
                None => options.offset.as_ref().is_some_and(|offset| key <= offset),
            };
            if is_over || given.as_deref() == Some(entry) {
                continue;
            }
            if common_prefixes.len() + objects.len() == max {
                is_truncated = true;
                break;
            }
            given = Some(entry.to_owned());
            let location = Path::parse(entry).unwrap();
            match folder {
                Some(_) => common_prefixes.push(location),
                None => objects.push(ObjectMeta {
                    location,
                    last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                    size: 1,
                    e_tag: None,
                    version: None,
                }),
            }
        }
        let result = ListResult { common_prefixes, objects, extensions: Default::default() };
        PaginatedListResult { result, page_token: given.filter(|_| is_truncated) }
    }
}

/// The same folder in every kind of storage.
struct Bench {
    listers: Vec<Lister>,
    fake: Arc<FakeS3>,
    folder: Key,
    _files: tempfile::TempDir,
}

impl Bench {
    async fn with(names: &BTreeSet<String>, page: usize) -> Self {
        let folder = Key::images("folder");
        // In memory where the system has such a place: many files are written here.
        let files = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let memory = InMemory::new();
        let fake = Arc::new(FakeS3 { page, ..FakeS3::default() });
        for name in names {
            // Objects and folders of one name, and something beside and above the folder.
            for key in [format!("{folder}/{name}/a/link"), format!("{folder}/{name}/b"), format!("{folder}0/{name}")] {
                let path = files.path().join(&key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
                memory.put(&Path::from(key.as_str()), "x".into()).await.unwrap();
                fake.keys.lock().unwrap().insert(format!("base/{key}"));
            }
        }
        let folders = Arc::new(Folders::open(files.path()).unwrap());
        let listers = vec![
            Lister::Files(Arc::new(Directories::new(folders))),
            Lister::Whole(Arc::new(memory)),
            Lister::Pages { store: Arc::clone(&fake) as Arc<dyn PaginatedListStore>, base: "base/".into() },
        ];
        Self { listers, fake, folder, _files: files }
    }

    async fn page(&self, lister: &Lister, after: Option<&str>, limit: usize) -> Names {
        lister.page(&self.folder, Children::Folders, after, limit).await.unwrap()
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Names that share beginnings, with the signs that make order difficult.
fn name() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["[ab0]", "[-._]", "[-._]?"], 0..6)
        .prop_map(|parts| format!("v{}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_storage_lists_in_byte_order(
        names in proptest::collection::btree_set(name(), 0..60),
        last in proptest::option::of(prop_oneof![name(), "[ -~]{0,4}", "v[a-\u{e9}\0/-]{0,3}"]),
        limit in 1_usize..12,
        page in 1_usize..20,
    ) {
        block_on(async {
            let bench = Bench::with(&names, page).await;
            let wanted: Vec<&String> =
                names.iter().filter(|name| last.as_ref().is_none_or(|last| *name > last)).collect();
            for lister in &bench.listers {
                let found = bench.page(lister, last.as_deref(), limit).await;
                prop_assert_eq!(found.names.iter().collect::<Vec<_>>(), &wanted[..limit.min(wanted.len())], "{:?}", lister);
                prop_assert!(found.more || wanted.len() <= limit, "{:?}", lister);
                let (mut all, mut after) = (Vec::new(), last.clone());
                loop {
                    let found = bench.page(lister, after.as_deref(), limit).await;
                    after = found.names.last().cloned();
                    all.extend(found.names);
                    if !found.more || after.is_none() {
                        break;
                    }
                }
                prop_assert_eq!(all.iter().collect::<Vec<_>>(), wanted.clone(), "{:?}", lister);
                let whole = lister.all(&bench.folder).await.unwrap();
                prop_assert_eq!(&whole.folders, &names.iter().cloned().collect::<Vec<_>>(), "{:?}", lister);
                prop_assert_eq!(whole.objects.len(), 0);
            }
            Ok(())
        })?;
    }
}

#[test]
fn stems_end_before_what_sorts_below_a_slash() {
    assert_eq!(stems("v1.2-x_y0").collect::<Vec<_>>(), ["v1", "v1.2"]);
    assert_eq!(stems("-a.").collect::<Vec<_>>(), ["-a"]);
    assert_eq!(stems("").count(), 0);
}

#[test]
fn objects_and_folders_are_told_apart() {
    block_on(async {
        let bench = Bench::with(&BTreeSet::from(["v1".to_owned(), "v1-x".to_owned()]), 3).await;
        // As consoles of object stores make it.
        bench.fake.keys.lock().unwrap().insert(format!("base/{}/", bench.folder));
        for lister in &bench.listers {
            let below = Key::images("folder/v1");
            for (children, name) in [(Children::Folders, "a"), (Children::Objects, "b")] {
                let found = lister.page(&below, children, None, 5).await.unwrap();
                assert_eq!((found.names, found.more), (vec![name.to_owned()], false), "{lister:?}");
            }
            assert!(lister.has_any(&below).await.unwrap());
            assert!(!lister.has_any(&Key::images("folder/v")).await.unwrap());
            assert_eq!(bench.page(lister, None, 9).await.names, ["v1", "v1-x"]);
        }
    });
}

#[test]
fn a_page_costs_the_same_however_many_names_there_are() {
    block_on(async {
        let mut calls = Vec::new();
        for total in [1_000_u32, 20_000] {
            let keys = (0..total).map(|number| format!("{}/v1.{number:05}-rc.1/current", Key::images("folder")));
            let fake = Arc::new(FakeS3 { page: 1000, keys: Mutex::new(keys.collect()), ..FakeS3::default() });
            let lister = Lister::Pages { store: Arc::clone(&fake) as Arc<dyn PaginatedListStore>, base: "".into() };
            let middle = format!("v1.{:05}", total / 2);
            let found = lister.page(&Key::images("folder"), Children::Folders, Some(&middle), 100).await.unwrap();
            assert_eq!((found.names.len(), found.more), (100, true));
            calls.push(fake.calls.load(Ordering::Relaxed));
        }
        assert_eq!(calls[0], calls[1]);
        assert!(calls[1] <= 4, "{calls:?}");
    });
}
