// The worker's half of the protocol, for workers written in C++: header only, so that nothing else of ours
// has to be linked into the process that is under test.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sched.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
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

inline void send(std::uint32_t what, std::uint32_t slot, std::uint64_t size = 0) {
  const channel::Note note = {slot, what, size};
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

// Does the request's configurations that are not done yet, each told as soon as it is done. `perform` returns
// what runs given inputs in the same session (a function, empty where there is no session), for the request's
// further bindings.
template <class Perform>
void each_configuration(const wire::Request& request, Slot& slot, Perform perform) {
  for (int i = static_cast<int>(request.first()); i < request.configurations_size(); ++i) {
    slot.state().configuration = static_cast<std::uint32_t>(i);
    Outcome outcome;
    outcome.set_configuration(static_cast<std::uint32_t>(i));
    slot.state().binding = 0;
    const auto again = perform(request.configurations(i), outcome);
    const int more = again ? request.bindings_size() : 0;
    slot.state().binding = more > 0 ? 1 : 0;
    slot.publish(outcome);
    for (int b = 1; more > 0 && b <= more + 1; ++b) {
      slot.state().binding = static_cast<std::uint32_t>(b);
      Outcome further;
      further.set_configuration(static_cast<std::uint32_t>(i));
      further.set_binding(static_cast<std::uint32_t>(b));
      again(b <= more ? request.bindings(b - 1).inputs() : request.inputs(), further);
      slot.publish(further);
    }
  }
}

// The socket that came with a kCopy; the process ends when the parent has gone.
inline int receive_socket() {
  channel::Note note{};
  iovec part = {&note, sizeof note};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(channel::kSocketFd, &message, MSG_CMSG_CLOEXEC) != sizeof note || note.what != channel::kCopy)
    _exit(0);
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) _exit(70);
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  return fd;
}

// Returns in copies of this process, made when the parent asks for them: a copy of a process that has loaded
// its system and done nothing else is as fresh as a new one, without the loading (ONNX Runtime: 32 ms, most
// of it for the schemas of CreateEnv). A process with threads, which a copy would lack, is returned from
// itself.
inline void copy_on_demand() {
  const auto threads = std::filesystem::directory_iterator("/proc/self/task");
  if (std::distance(begin(threads), end(threads)) != 1) return;
  const pid_t parent = getppid();
  send(channel::kNursery, 0);
  while (true) {
    const int socket = receive_socket();
    // A sister, not a child: so the parent can wait for it. This process has one thread: nothing is locked.
    const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(0);
      dup2(socket, channel::kSocketFd);
      close(socket);
      return;
    }
    send(pid > 0 ? channel::kForked : channel::kFailed, 0, static_cast<std::uint64_t>(pid));
    close(socket);
  }
}

// Says that the system is ready and handles requests for ever: `handle(request, slot)`.
template <class Handle>
[[noreturn]] void serve(char* memory, Handle handle) {
  copy_on_demand();
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
