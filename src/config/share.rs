//! Work that is shared between threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Below this many pieces a thread costs more than it saves.
const PIECES_PER_THREAD_LEAST: usize = 64;
/// As many pieces a thread takes at a time.
const PIECES_AT_A_TIME: usize = 16;
/// As much memory is made ready at a time: about what so many files of a hundred entries are compiled to.
const ROOM_BYTES: usize = 512 << 10;
/// How much the threads that help give way to others: requests are answered meanwhile.
const GIVE_WAY: i32 = 10;

/// Does the same work on each piece, on as many threads as there are cores, and gives the results in the
/// order of the pieces. The calling thread works as it always does; those that help it give way to all
/// others, and what they do not come to is done by the calling one. A panic goes on in it.
pub fn side_by_side<Piece: Sync, Done: Send>(pieces: &[Piece], work: impl Fn(&Piece) -> Done + Sync) -> Vec<Done> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(pieces.len() / PIECES_PER_THREAD_LEAST).max(1);
    let next = AtomicUsize::new(0);
    let do_some = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(PIECES_AT_A_TIME, Ordering::Relaxed);
            let Some(some) = pieces.get(at..).filter(|some| !some.is_empty()) else { return done };
            if pieces.len() >= PIECES_PER_THREAD_LEAST {
                make_room();
            }
            done.push((at, some.iter().take(PIECES_AT_A_TIME).map(&work).collect::<Vec<Done>>()));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let help = || {
            // Where it cannot, it helps as it is.
            let _ = rustix::process::nice(GIVE_WAY);
            do_some()
        };
        let helping: Vec<_> = (1..threads).map(|_| scope.spawn(help)).collect();
        let mut done = do_some();
        for thread in helping {
            match thread.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, some)| some).collect()
}

/// Lets the allocator get memory from the system for more than the next few values: threads of glibc otherwise get
/// it page by page, with a call for each that keeps the others waiting. (What is as large is first had from the
/// system itself; once it was given back, glibc keeps as much at hand for every thread. Other allocators lose a
/// moment by this, and nothing else.)
fn make_room() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(ROOM_BYTES)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_done_once_and_in_order() {
        for count in [0, 1, 15, 16, 17, 63, 64, 128, 129, 1001] {
            let pieces: Vec<usize> = (0..count).collect();
            let doubled: Vec<_> = pieces.iter().map(|piece| piece * 2).collect();
            assert_eq!(side_by_side(&pieces, |piece| piece * 2), doubled);
        }
    }
}
