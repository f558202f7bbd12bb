#include "fuzzer/runtime/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <optional>
#include <utility>

#include "fuzzer/base/check.h"
#include "fuzzer/base/clock.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/runtime/channel.h"
#include "wire.pb.h"

namespace mob {
namespace {

// Beyond this a slot's pages are given back after the case.
constexpr std::uint64_t kLargeCase = std::uint64_t{32} << 20;
constexpr int kPollMilliseconds = 20;

double cpu_seconds_of(pid_t pid) {
  clockid_t clock;
  timespec t{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::int64_t peak_memory_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  return 0;
}

struct Job {
  std::vector<Outcome> outcomes;
  std::size_t configurations = 0;
  std::uint64_t size = 0;  // of the request
};

}  // namespace

struct Worker::Impl {
  System system;
  WorkerLimits limits;
  pid_t pid = -1;  // of the process that works
  int socket = -1;
  pid_t nursery = -1;  // of the one that it is a copy of, if it is one
  int nursery_socket = -1;
  int memory_fd = -1;
  int stderr_fd = -1;
  char* memory = nullptr;
  std::array<std::optional<Job>, channel::kSlots> jobs;
  std::deque<int> order;  // slots in flight, oldest first
  std::array<bool, channel::kSlots> done{};
  int started = 0;
  std::int64_t peak = 0;
  double cpu_of_dead = 0;

  Impl(System s, WorkerLimits l) : system(std::move(s)), limits(l) {
    memory_fd = memfd_create("mobster", MFD_CLOEXEC);
    if (memory_fd < 0 || ftruncate(memory_fd, static_cast<off_t>(channel::kMemorySize)) != 0)
      throw UserError("no shared memory for workers: " + std::string(std::strerror(errno)));
    void* p =
        mmap(nullptr, channel::kMemorySize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory_fd, 0);
    if (p == MAP_FAILED)
      throw UserError("no address space for workers: " + std::string(std::strerror(errno)));
    memory = static_cast<char*>(p);
  }
  ~Impl() {
    stop();
    end_nursery();
    if (stderr_fd >= 0) close(stderr_fd);
    munmap(memory, channel::kMemorySize);
    close(memory_fd);
  }

  channel::SlotState& state(int slot) { return reinterpret_cast<channel::Header*>(memory)->slots[slot]; }
  char* base(int slot) {
    return memory + channel::kHeaderSize + static_cast<std::uint64_t>(slot) * channel::kSlotSize;
  }

  // A process is there afterwards: one that works, or the nursery of those that will.
  void start() {
    if (pid > 0) return;
    for (int attempt = 0; pid < 0 && attempt < 2; ++attempt) {
      if (nursery < 0) spawn();
      if (nursery > 0 && !copy()) end_nursery();  // killed from outside: once more from the beginning
    }
    if (pid < 0) throw UserError("cannot start " + system.command[0] + ": its nursery makes no copies");
    ++started;
  }

  // A socket to a worker: our end, and its.
  std::array<int, 2> socket_pair() {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw UserError("no socket for a worker: " + std::string(std::strerror(errno)));
    return ends;
  }

  // Starts the program: it becomes the nursery, or works itself where it cannot be copied.
  void spawn() {
    const std::array<int, 2> ends = socket_pair();
    if (stderr_fd >= 0) close(stderr_fd);
    stderr_fd = memfd_create("mobster-stderr", MFD_CLOEXEC);
    fcntl(stderr_fd, F_SETFL, O_APPEND);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // Move our ends out of the way of the numbers that the worker expects, then duplicate onto them.
    const int socket_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    const int memory_end = fcntl(memory_fd, F_DUPFD_CLOEXEC, 10);
    const int stderr_end = fcntl(stderr_fd, F_DUPFD_CLOEXEC, 10);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, stderr_end, 1);
    posix_spawn_file_actions_adddup2(&actions, stderr_end, 2);
    posix_spawn_file_actions_adddup2(&actions, socket_end, channel::kSocketFd);
    posix_spawn_file_actions_adddup2(&actions, memory_end, channel::kMemoryFd);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // A group of its own: Ctrl-C in the terminal is the parent's affair.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> environment;
    for (char** e = environ; *e != nullptr; ++e) {
      const std::string_view v = *e;
      if (!v.starts_with("MALLOC_PERTURB_=") && !v.starts_with("GLIBC_TUNABLES="))
        environment.emplace_back(v);
    }
    if (limits.poison != 0) {
      environment.push_back("MALLOC_PERTURB_=" + std::to_string(limits.poison));
      environment.emplace_back("GLIBC_TUNABLES=glibc.malloc.tcache_count=0");
    }
    environment.push_back("MOBSTER_MEMORY_LIMIT=" + std::to_string(limits.memory));
    std::vector<char*> argv, envp;
    for (std::string& a : system.command) argv.push_back(a.data());
    for (std::string& e : environment) envp.push_back(e.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    const int error = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    for (int fd : {socket_end, memory_end, stderr_end, ends[1]}) close(fd);
    socket = ends[0];
    if (error != 0) {
      pid = -1;
      stop();
      throw UserError("cannot start " + system.command[0] + ": " + std::strerror(error));
    }
    channel::Note note{};
    const ssize_t got = recv(socket, &note, sizeof note, 0);
    if (got == sizeof note && note.what == channel::kNursery) {
      nursery = std::exchange(pid, -1);
      nursery_socket = std::exchange(socket, -1);
    } else if (got != sizeof note || note.what != channel::kReady) {
      const std::string why = last_words();
      stop();
      throw UserError(system.label() +
                      " cannot be loaded: " + (why.empty() ? "its worker died at the start" : why));
    }
  }

  // Has the nursery make a copy of itself, which works. False where it is no more.
  bool copy() {
    if (ftruncate(stderr_fd, 0) != 0) return false;  // what the last one printed is read by now
    const std::array<int, 2> ends = socket_pair();
    socket = ends[0];
    channel::Note note{0, channel::kCopy, 0};
    iovec part = {&note, sizeof note};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &ends[1], sizeof(int));
    const bool asked = sendmsg(nursery_socket, &message, MSG_NOSIGNAL) == sizeof note;
    close(ends[1]);
    if (asked && recv(nursery_socket, &note, sizeof note, 0) == sizeof note &&
        note.what == channel::kForked) {
      pid = static_cast<pid_t>(note.size);
      if (recv(socket, &note, sizeof note, 0) == sizeof note && note.what == channel::kReady) return true;
    }
    stop();
    return false;
  }

  // What the process printed last: the reason of many a crash.
  std::string last_words() {
    if (stderr_fd < 0) return "";
    const off_t end = lseek(stderr_fd, 0, SEEK_END);
    const off_t from = std::max<off_t>(0, end - 1500);
    std::string text(static_cast<std::size_t>(end - from), '\0');
    const ssize_t got = pread(stderr_fd, text.data(), text.size(), from);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return one_line(text, 600);
  }

  // Waits for a process that is dead or dying; returns its wait status.
  int bury_process(pid_t process) {
    int status = 0;
    rusage usage{};
    while (wait4(process, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    const auto seconds = [](timeval t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    cpu_of_dead += seconds(usage.ru_utime) + seconds(usage.ru_stime);
    peak = std::max<std::int64_t>(peak, usage.ru_maxrss * 1024);
    return status;
  }

  // Ends the process that works.
  void stop() {
    if (pid > 0) {
      peak = std::max(peak, peak_memory_of(pid));
      kill(pid, SIGKILL);
      bury_process(pid);
    }
    pid = -1;
    if (socket >= 0) close(socket);
    socket = -1;
  }

  void end_nursery() {
    if (nursery > 0) {
      kill(nursery, SIGKILL);
      bury_process(nursery);
      close(nursery_socket);
    }
    nursery = nursery_socket = -1;
  }

  void announce(int slot) {
    const channel::Note note = {static_cast<std::uint32_t>(slot), channel::kRequest,
                                jobs[static_cast<std::size_t>(slot)]->size};
    // A worker that died meanwhile is noticed by whoever waits.
    (void)::send(socket, &note, sizeof note, MSG_NOSIGNAL);
  }

  void write(int slot, const Case& c, const std::vector<Configuration>& configurations) {
    wire::Request request;
    const std::optional<Model> other = restamped(c.model, system);
    const ModelWriter model(other ? *other : c.model);
    std::uint64_t payload = model.size() + 4096;
    const auto each_input = [&](auto&& f) {
      for (const auto& [name, tensor] : c.inputs) f(name, tensor);
      for (const Inputs& inputs : c.bindings)
        for (const auto& [name, tensor] : inputs) f(name, tensor);
    };
    each_input([&](const auto&, const Tensor& t) { payload += t.raw().size() + channel::kAlignment; });
    if (payload > channel::kSlotSize / 2)
      throw UserError("the model and its inputs (" + show_bytes(static_cast<double>(payload)) +
                      ") do not fit the workers' shared memory");
    for (const Configuration& k : configurations) {
      auto* w = request.add_configurations();
      w->set_level(static_cast<std::uint32_t>(k.level));
      for (const std::string& d : k.disabled) w->add_disabled(d);
      w->set_reload(k.reload);
      w->set_runs(static_cast<std::uint32_t>(k.runs));
      w->set_report_passes(k.report_passes);
      w->set_keep_saved(k.keep_saved);
      w->set_timed_runs(static_cast<std::uint32_t>(k.timed_runs));
      w->set_load_only(k.load_only);
    }
    std::vector<wire::TensorRef*> refs;
    for (std::size_t i = 0; i < c.inputs.size(); ++i) refs.push_back(request.add_inputs());
    for (const Inputs& inputs : c.bindings) {
      auto* set = request.add_bindings();
      for (std::size_t i = 0; i < inputs.size(); ++i) refs.push_back(set->add_inputs());
    }
    auto ref = refs.begin();
    each_input([&](const std::string& name, const Tensor& tensor) {
      auto* t = *ref++;
      t->set_name(name);
      t->set_dtype(static_cast<std::uint32_t>(tensor.dtype()));
      for (std::int64_t d : tensor.dims()) t->add_dims(d);
      for (const std::string& s : tensor.strings()) t->add_strings(s);
      t->mutable_data()->set_offset(~std::uint64_t{0});  // of full length: the request's size must not change
      t->mutable_data()->set_size(tensor.raw().size());
    });
    request.mutable_model()->set_offset(~std::uint64_t{0});
    request.mutable_model()->set_size(model.size());
    request.set_free_from(~std::uint64_t{0});
    request.set_first(~std::uint32_t{0});
    std::uint64_t at = channel::aligned(request.ByteSizeLong());
    char* to = base(slot);
    request.mutable_model()->set_offset(at);
    model.write(to + at);
    at = channel::aligned(at + model.size());
    ref = refs.begin();
    each_input([&](const auto&, const Tensor& tensor) {
      (*ref++)->mutable_data()->set_offset(at);
      std::copy_n(tensor.raw().data(), tensor.raw().size(), to + at);  // null and 0 for strings
      at = channel::aligned(at + tensor.raw().size());
    });
    request.set_free_from(at);
    request.set_first(0);
    auto& job = jobs[static_cast<std::size_t>(slot)].emplace();
    job.configurations = configurations.size();
    job.size = request.ByteSizeLong();
    request.SerializeToArray(to, static_cast<int>(job.size));
    clear(slot);
  }

  void clear(int slot) {
    channel::SlotState& s = state(slot);
    s.configuration = 0;
    s.binding = 0;
    s.stage = 0;
    s.outcomes = 0;
    s.first_outcome = 0;
    s.next_free = 0;
    done[static_cast<std::size_t>(slot)] = false;
  }

  // Reads what the worker has written in full so far.
  void collect(int slot) {
    Job& job = *jobs[static_cast<std::size_t>(slot)];
    channel::SlotState& s = state(slot);
    std::uint64_t at = s.first_outcome;
    for (std::uint32_t i = 0; i < s.outcomes; ++i) {
      const auto* record = reinterpret_cast<const channel::Record*>(base(slot) + at);
      wire::Outcome w;
      if (at + sizeof *record + record->size > channel::kSlotSize ||
          !w.ParseFromArray(base(slot) + at + sizeof *record, static_cast<int>(record->size)))
        break;  // the worker overwrote its own message: the rest counts as not done
      if (w.binding() == 0)
        job.outcomes.push_back(outcome_of(w, slot, job));
      else if (!job.outcomes.empty())
        job.outcomes.back().bindings.push_back(outcome_of(w, slot, job));
      at = record->next;
    }
  }

  Outcome outcome_of(const wire::Outcome& w, int slot, const Job& job) {
    Outcome o;
    o.kind = w.kind() == wire::Outcome::OUTPUTS ? Outcome::Kind::kOutputs : Outcome::Kind::kRejected;
    o.stage = static_cast<Stage>(w.stage());
    o.message = one_line(w.message());
    o.passes.assign(w.passes().begin(), w.passes().end());
    o.load_seconds = static_cast<double>(w.load_ns()) * 1e-9;
    o.run_seconds = static_cast<double>(w.run_ns()) * 1e-9;
    o.peak_memory = static_cast<std::int64_t>(w.peak_memory());
    o.saved_bytes = static_cast<std::int64_t>(w.saved_size());
    if (w.has_saved_model())
      o.saved_model.assign(base(slot) + w.saved_model().offset(), w.saved_model().size());
    try {
      for (const auto& t : w.outputs()) o.outputs.push_back(output_of(t, slot));
      for (const auto& t : w.second_run()) o.second_run.push_back(output_of(t, slot));
    } catch (const UserError& e) {  // a type or size that cannot be
      o.kind = Outcome::Kind::kRejected;
      o.message = std::string("an output cannot be read: ") + e.what();
      o.outputs.clear();
    }
    if (w.same_as_first_outputs())
      for (std::size_t i = 0; i < job.outcomes.size() && o.same_as < 0; ++i)
        if (job.outcomes[i].ok() && job.outcomes[i].same_as < 0) o.same_as = static_cast<int>(i);
    return o;
  }

  Output output_of(const wire::TensorRef& t, int slot) {
    Output out{t.name(), {}, !t.not_a_tensor()};
    if (t.not_a_tensor()) return out;
    Dims dims(t.dims().begin(), t.dims().end());
    const auto dtype = static_cast<DType>(t.dtype());
    if (t.dtype() >= kDTypeCount) throw UserError("unknown element type " + std::to_string(t.dtype()));
    if (dtype == DType::kString)
      out.tensor = Tensor(dims, std::vector<std::string>(t.strings().begin(), t.strings().end()));
    else
      out.tensor = Tensor({dtype, dims}, std::string(base(slot) + t.data().offset(), t.data().size()));
    return out;
  }

  // The process died, or was killed because of the deadline: notes the outcome of the configuration it was
  // at, and has a fresh process go on behind it.
  void bury(int slot, bool timed_out, int status) {
    Job& job = *jobs[static_cast<std::size_t>(slot)];
    const auto stage = static_cast<Stage>(state(slot).stage.load() % 5);
    const std::uint64_t next_free = state(slot).next_free;
    const std::size_t at = state(slot).configuration, binding = state(slot).binding;
    collect(slot);
    // A death at a further binding takes nothing from what the configuration did before.
    const bool within = binding > 0 && job.outcomes.size() == at + 1;
    if (within || job.outcomes.size() < job.configurations) {
      Outcome o;
      o.kind = timed_out ? Outcome::Kind::kTimedOut : Outcome::Kind::kCrashed;
      o.stage = stage;
      if (timed_out)
        o.message = "no answer within the deadline";
      else if (WIFSIGNALED(status))
        o.message = std::string("killed by signal ") + std::to_string(WTERMSIG(status)) + " (" +
                    strsignal(WTERMSIG(status)) + ")";
      else
        o.message = "the process ended with exit code " + std::to_string(WEXITSTATUS(status));
      if (const std::string words = last_words(); !words.empty()) o.message += ": " + words;
      (within ? job.outcomes.back().bindings : job.outcomes).push_back(std::move(o));
    }
    clear(slot);
    if (job.outcomes.size() >= job.configurations) {
      done[static_cast<std::size_t>(slot)] = true;
      return;
    }
    wire::Request request;
    MOB_CHECK(request.ParseFromArray(base(slot), static_cast<int>(job.size)));
    request.set_first(static_cast<std::uint32_t>(job.outcomes.size()));
    if (next_free != 0) request.set_free_from(next_free);
    job.size = request.ByteSizeLong();
    request.SerializeToArray(base(slot), static_cast<int>(job.size));
  }

  // Starts a process if there is none and tells it what is still to be done.
  void resume() {
    start();
    for (int slot : order)
      if (!done[static_cast<std::size_t>(slot)]) announce(slot);
  }

  void wait_for(int slot) {
    std::uint64_t last_progress = ~std::uint64_t{0};
    double cpu_then = 0, wall_then = 0;
    while (!done[static_cast<std::size_t>(slot)]) {
      if (pid < 0) resume();
      pollfd waiting = {socket, POLLIN, 0};
      const int ready = poll(&waiting, 1, kPollMilliseconds);
      if (ready < 0 && errno == EINTR) continue;
      if (ready > 0) {
        channel::Note note{};
        const ssize_t got = recv(socket, &note, sizeof note, 0);
        if (got == sizeof note && note.what == channel::kDone && note.slot < channel::kSlots) {
          done[note.slot] = true;
          collect(static_cast<int>(note.slot));
          continue;
        }
        // End of file: it died. The oldest case not done is the one it was at.
        const int status = bury_process(std::exchange(pid, -1));
        stop();
        bury(running(), false, status);
        last_progress = ~std::uint64_t{0};
        continue;
      }
      const int at = running();
      const channel::SlotState& s = state(at);
      const std::uint64_t progress = (static_cast<std::uint64_t>(at) << 48) |
                                     (std::uint64_t{s.configuration} << 24) |
                                     (std::uint64_t{s.binding} << 8) | s.stage;
      const double cpu = cpu_seconds_of(pid), wall = seconds_now();
      if (progress != last_progress) {
        last_progress = progress;
        cpu_then = cpu;
        wall_then = wall;
      } else if (cpu - cpu_then > limits.cpu_seconds || wall - wall_then > limits.wall_seconds) {
        stop();
        bury(at, true, 0);
        last_progress = ~std::uint64_t{0};
      }
    }
  }

  int running() const {
    for (int slot : order)
      if (!done[static_cast<std::size_t>(slot)]) return slot;
    MOB_CHECK(false, std::string("no case is in flight"));
    return 0;
  }
};

Worker::Worker(System system, WorkerLimits limits)
    : impl_(std::make_unique<Impl>(std::move(system), limits)) {}
Worker::~Worker() = default;

const System& Worker::system() const {
  return impl_->system;
}
bool Worker::can_submit() const {
  return impl_->order.size() < channel::kSlots;
}
int Worker::in_flight() const {
  return static_cast<int>(impl_->order.size());
}

void Worker::submit(const Case& c, const std::vector<Configuration>& configurations) {
  MOB_CHECK(can_submit());
  int slot = 0;
  while (impl_->jobs[static_cast<std::size_t>(slot)]) ++slot;
  impl_->write(slot, c, configurations);
  impl_->order.push_back(slot);
  try {
    if (impl_->pid < 0)
      impl_->resume();
    else
      impl_->announce(slot);
  } catch (...) {
    impl_->order.pop_back();
    impl_->jobs[static_cast<std::size_t>(slot)].reset();
    throw;
  }
}

std::vector<Outcome> Worker::next() {
  MOB_CHECK(!impl_->order.empty());
  const int slot = impl_->order.front();
  impl_->wait_for(slot);
  impl_->order.pop_front();
  Job& job = *impl_->jobs[static_cast<std::size_t>(slot)];
  std::vector<Outcome> outcomes = std::move(job.outcomes);
  // A worker that lied about its outcomes leaves some out: they count as an error of its own.
  while (outcomes.size() < job.configurations) {
    Outcome o;
    o.message = "the worker gave no outcome";
    outcomes.push_back(std::move(o));
  }
  if (impl_->state(slot).next_free > kLargeCase) madvise(impl_->base(slot), channel::kSlotSize, MADV_REMOVE);
  impl_->jobs[static_cast<std::size_t>(slot)].reset();
  return outcomes;
}

std::vector<Outcome> Worker::run(const Case& c, const std::vector<Configuration>& configurations) {
  MOB_CHECK(in_flight() == 0);
  submit(c, configurations);
  return next();
}

void Worker::restart() {
  MOB_CHECK(in_flight() == 0);
  impl_->stop();
}
void Worker::reload() {
  restart();
  impl_->end_nursery();
}

int Worker::process() const {
  return impl_->pid;
}
int Worker::starts() const {
  return impl_->started;
}
std::int64_t Worker::peak_memory() const {
  return std::max(impl_->peak, impl_->pid > 0 ? peak_memory_of(impl_->pid) : 0);
}
double Worker::cpu_seconds() const {
  return impl_->cpu_of_dead + (impl_->pid > 0 ? cpu_seconds_of(impl_->pid) : 0);
}

}  // namespace mob
