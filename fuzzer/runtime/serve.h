// The worker's half of the protocol, for workers written in C++: header only, so that nothing else of ours
// has to be linked into the process that is under test.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "fuzzer/runtime/channel.h"
#include "wire.pb.h"

namespace mob::worker {

using wire::Outcome;

// An error of the system: becomes Outcome::REJECTED.
struct Failure {
  Outcome::Stage stage;
  std::string message;
};

inline void send(std::uint32_t what, std::uint32_t slot) {
  const channel::Note note = {slot, what, 0};
  if (::send(channel::kSocketFd, &note, sizeof note, MSG_NOSIGNAL) != sizeof note) _exit(0);
}

[[noreturn]] inline void cannot_start(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  send(channel::kFailed, 0);
  _exit(71);
}

// One request's slot of the shared memory; outputs are appended behind the request.
class Slot {
 public:
  Slot(char* memory, channel::SlotState& state, std::uint64_t free_from)
      : memory_(memory), state_(state), free_(channel::aligned(free_from)) {}

  const char* at(const mob::wire::Blob& blob) const { return memory_ + blob.offset(); }

  mob::wire::Blob append(const void* data, std::size_t size, Outcome::Stage stage) {
    if (free_ + size + 65536 > channel::kSlotSize)
      throw Failure{stage, "the outputs do not fit the shared memory"};
    mob::wire::Blob blob;
    blob.set_offset(free_);
    blob.set_size(size);
    if (size > 0) std::memcpy(memory_ + free_, data, size);
    free_ = channel::aligned(free_ + size);
    return blob;
  }

  void publish(const Outcome& outcome) {
    const std::size_t size = outcome.ByteSizeLong();
    auto* record = reinterpret_cast<channel::Record*>(memory_ + free_);
    record->size = size;
    record->next = 0;
    outcome.SerializeToArray(memory_ + free_ + sizeof(channel::Record), static_cast<int>(size));
    if (last_ == nullptr)
      state_.first_outcome = free_;
    else
      last_->next = free_;
    last_ = record;
    free_ = channel::aligned(free_ + sizeof(channel::Record) + size);
    state_.next_free = free_;
    state_.outcomes.fetch_add(1);
  }
  channel::SlotState& state() { return state_; }

 private:
  char* memory_;
  channel::SlotState& state_;
  std::uint64_t free_;
  channel::Record* last_ = nullptr;
};

// To be called first: limits of the process, and the shared memory.
inline char* start() {
  // Nobody is left behind when the parent is killed.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their shadow memory counts, too
  if (const char* limit = std::getenv("MOBSTER_MEMORY_LIMIT")) {
    const rlimit data = {std::strtoull(limit, nullptr, 10), std::strtoull(limit, nullptr, 10)};
    setrlimit(RLIMIT_DATA, &data);
  }
#endif
  void* memory = mmap(nullptr, channel::kMemorySize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                      channel::kMemoryFd, 0);
  if (memory == MAP_FAILED) cannot_start("cannot map the shared memory");
  return static_cast<char*>(memory);
}

// Does the request's configurations that are not done yet, each told as soon as it is done.
template <class Perform>
void each_configuration(const wire::Request& request, Slot& slot, Perform perform) {
  for (int i = static_cast<int>(request.first()); i < request.configurations_size(); ++i) {
    slot.state().configuration = static_cast<std::uint32_t>(i);
    Outcome outcome;
    outcome.set_configuration(static_cast<std::uint32_t>(i));
    perform(request.configurations(i), outcome);
    slot.publish(outcome);
  }
}

// Says that the system is ready and handles requests for ever: `handle(request, slot)`.
template <class Handle>
[[noreturn]] void serve(char* memory, Handle handle) {
  send(channel::kReady, 0);
  while (true) {
    channel::Note note;
    if (recv(channel::kSocketFd, &note, sizeof note, 0) != sizeof note) _exit(0);  // no more work
    char* base = memory + channel::kHeaderSize + note.slot * channel::kSlotSize;
    wire::Request request;
    if (!request.ParseFromArray(base, static_cast<int>(note.size))) _exit(70);
    Slot slot(base, reinterpret_cast<channel::Header*>(memory)->slots[note.slot], request.free_from());
    handle(request, slot);
    send(channel::kDone, note.slot);
  }
}

}  // namespace mob::worker
