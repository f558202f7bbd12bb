// The shared memory between parent and worker. Both sides include this; nothing else of ours is in a worker.
#pragma once

#include <atomic>
#include <cstdint>

namespace mob::channel {

// File descriptors that a worker finds open when it starts.
inline constexpr int kSocketFd = 3;  // SOCK_SEQPACKET; datagrams of type Note
inline constexpr int kMemoryFd = 4;  // the memory below

// Two cases in flight: while the worker runs one, the parent writes the next and reads the last.
inline constexpr int kSlots = 2;
// Address space only: pages are taken when they are written, and given back after a large case.
inline constexpr std::uint64_t kSlotSize = std::uint64_t{6} << 30;
inline constexpr std::uint64_t kHeaderSize = 4096;
inline constexpr std::uint64_t kMemorySize = kHeaderSize + kSlots * kSlotSize;
inline constexpr std::uint64_t kAlignment = 64;

// What the worker is at, so that the parent can tell what killed it, and which outcomes are already there.
struct SlotState {
  std::atomic<std::uint32_t> configuration;  // being done
  std::atomic<std::uint32_t> stage;          // wire::Outcome::Stage
  std::atomic<std::uint32_t> outcomes;       // written in full
  std::atomic<std::uint32_t> binding;        // being run, of that configuration; 0: none yet
  std::atomic<std::uint64_t> first_outcome;  // offset in the slot of the first Record
  std::atomic<std::uint64_t> next_free;
};
struct Header {
  SlotState slots[kSlots];
};
static_assert(sizeof(Header) <= kHeaderSize);

// Outcomes form a list: a Record, then `size` bytes of wire::Outcome; `next` is the offset of the next one.
struct Record {
  std::uint64_t size;
  std::uint64_t next;  // 0: none yet
};

// A datagram. Parent to worker: slot `slot` holds a request of `size` bytes at its beginning. Worker to
// parent: the request in that slot is done. A worker may say kNursery in kReady's place: it has loaded the
// system, and never works itself; for each kCopy, which brings a socket along (SCM_RIGHTS), it forks a child
// of the parent's, says kForked with the child's id in `size`, and the child says kReady on that socket.
struct Note {
  std::uint32_t slot;
  std::uint32_t what;  // kReady once after the start, then kDone; kFailed: the worker could not start
  std::uint64_t size;
};
inline constexpr std::uint32_t kReady = 1;
inline constexpr std::uint32_t kDone = 2;
inline constexpr std::uint32_t kFailed = 3;
inline constexpr std::uint32_t kRequest = 4;
inline constexpr std::uint32_t kNursery = 5;
inline constexpr std::uint32_t kCopy = 6;
inline constexpr std::uint32_t kForked = 7;

inline std::uint64_t aligned(std::uint64_t x) {
  return (x + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace mob::channel
