// The worker process of ONNX Runtime: loads one version of the library and runs what the parent writes into
// shared memory. Links nothing of ours but the protocol, so that a crash here is the runtime's own.
//
//   mobster-onnxruntime-worker LIBONNXRUNTIME.SO [--version]
#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fuzzer/runtime/serve.h"

namespace {

using mob::wire::Configuration;
using mob::wire::Outcome;
using mob::wire::Request;
using mob::wire::TensorRef;
using TensorRefs = google::protobuf::RepeatedPtrField<TensorRef>;
using mob::worker::Failure;
using mob::worker::Slot;
namespace worker = mob::worker;

const OrtApi* api = nullptr;
OrtEnv* env = nullptr;
std::vector<std::string>* fired = nullptr;  // where the present session's passes are noted

void check(OrtStatus* status, Outcome::Stage stage) {
  if (status == nullptr) return;
  static constexpr const char* kCodes[] = {"OK",
                                           "FAIL",
                                           "INVALID_ARGUMENT",
                                           "NO_SUCHFILE",
                                           "NO_MODEL",
                                           "ENGINE_ERROR",
                                           "RUNTIME_EXCEPTION",
                                           "INVALID_PROTOBUF",
                                           "MODEL_LOADED",
                                           "NOT_IMPLEMENTED",
                                           "INVALID_GRAPH",
                                           "EP_FAIL"};
  const auto code = static_cast<std::size_t>(api->GetErrorCode(status));
  std::string message = code < std::size(kCodes) ? kCodes[code] : "ERROR";
  message += ": ";
  message += api->GetErrorMessage(status);
  api->ReleaseStatus(status);
  throw Failure{stage, std::move(message)};
}

// "GraphTransformer NAME modified: 1 with status: OK" tells that a pass changed the graph.
void on_log(void*, OrtLoggingLevel, const char*, const char*, const char*, const char* message) {
  if (fired == nullptr || std::strncmp(message, "GraphTransformer ", 17) != 0) return;
  const char* begin = message + 17;
  const char* end = std::strstr(begin, " modified: 1");
  if (end != nullptr) fired->emplace_back(begin, end);
}

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

template <class T, void (*OrtApi::*Release)(T*)>
struct Releaser {
  void operator()(T* p) const { (api->*Release)(p); }
};
using Options =
    std::unique_ptr<OrtSessionOptions, Releaser<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>>;
using Session = std::unique_ptr<OrtSession, Releaser<OrtSession, &OrtApi::ReleaseSession>>;
using OrtValuePtr = std::unique_ptr<OrtValue, Releaser<OrtValue, &OrtApi::ReleaseValue>>;
using TypeInfo = std::unique_ptr<OrtTensorTypeAndShapeInfo,
                                 Releaser<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo>>;

// ONNX Runtime numbers the element types as ONNX does up to 23; behind that, float8e8m0 comes last.
std::uint32_t onnx_type(ONNXTensorElementDataType t) {
  const auto n = static_cast<std::uint32_t>(t);
  return n == 26 ? 24 : n == 24 || n == 25 ? n + 1 : n;
}
ONNXTensorElementDataType own_type(std::uint32_t n) {
  return static_cast<ONNXTensorElementDataType>(n == 24 ? 26 : n == 25 || n == 26 ? n - 1 : n);
}

// Bytes of `count` elements as ONNX Runtime lays them out.
std::size_t bytes_of(ONNXTensorElementDataType type, std::size_t count) {
  switch (static_cast<int>(type)) {
    case 1:
    case 6:
    case 12:
      return 4 * count;
    case 7:
    case 11:
    case 13:
    case 14:
      return 8 * count;
    case 4:
    case 5:
    case 10:
    case 16:
      return 2 * count;
    case 15:
      return 16 * count;
    case 21:
    case 22:
    case 23:
      return (count + 1) / 2;
    case 24:
    case 25:
      return (count + 3) / 4;
    default:
      return count;
  }
}

Options options_for(const Configuration& c, unsigned level) {
  OrtSessionOptions* raw = nullptr;
  check(api->CreateSessionOptions(&raw), Outcome::LOAD);
  Options options(raw);
  check(api->SetSessionGraphOptimizationLevel(raw, static_cast<GraphOptimizationLevel>(level)),
        Outcome::LOAD);
  check(api->SetIntraOpNumThreads(raw, c.threads() == 0 ? 1 : static_cast<int>(c.threads())), Outcome::LOAD);
  check(api->SetInterOpNumThreads(raw, 1), Outcome::LOAD);
  // Reads of uninitialised memory show only where every buffer comes fresh (and poisoned) from malloc.
  if (c.timed_runs() == 0) {
    check(api->DisableCpuMemArena(raw), Outcome::LOAD);
    check(api->DisableMemPattern(raw), Outcome::LOAD);
  }
  check(api->SetSessionLogSeverityLevel(raw,
                                        c.report_passes() ? ORT_LOGGING_LEVEL_INFO : ORT_LOGGING_LEVEL_FATAL),
        Outcome::LOAD);
  if (c.disabled_size() > 0) {
    std::string list;
    for (const std::string& pass : c.disabled()) list += (list.empty() ? "" : ";") + pass;
    check(api->AddSessionConfigEntry(raw, "optimization.disable_specified_optimizers", list.c_str()),
          Outcome::LOAD);
  }
  return options;
}

struct Inputs {
  std::vector<std::string>
      buffers;  // the runtime's own copies: a kernel that writes into its input harms no other run
  std::vector<OrtValuePtr> values;
  std::vector<const char*> names;
  std::vector<const OrtValue*> raw;
};

Inputs make_inputs(const TensorRefs& inputs, const Slot& slot) {
  Inputs in;
  in.buffers.reserve(static_cast<std::size_t>(inputs.size()));
  OrtMemoryInfo* info = nullptr;
  check(api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &info), Outcome::RUN);
  const std::unique_ptr<OrtMemoryInfo, Releaser<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo>> owner(info);
  for (const TensorRef& t : inputs) {
    OrtValue* value = nullptr;
    const ONNXTensorElementDataType type = own_type(t.dtype());
    if (t.dtype() == 8) {
      OrtAllocator* allocator = nullptr;
      check(api->GetAllocatorWithDefaultOptions(&allocator), Outcome::RUN);
      check(api->CreateTensorAsOrtValue(allocator, t.dims().data(), static_cast<std::size_t>(t.dims_size()),
                                        type, &value),
            Outcome::RUN);
      in.values.emplace_back(value);
      std::vector<const char*> strings;
      for (const std::string& s : t.strings()) strings.push_back(s.c_str());
      check(api->FillStringTensor(value, strings.data(), strings.size()), Outcome::RUN);
    } else {
      // 64 spare bytes allow the alignment that kernels expect.
      auto& buffer = in.buffers.emplace_back(t.data().size() + 64, '\0');
      const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
      char* data = buffer.data() + (64 - address % 64) % 64;
      std::memcpy(data, slot.at(t.data()), t.data().size());
      check(api->CreateTensorWithDataAsOrtValue(info, data, t.data().size(), t.dims().data(),
                                                static_cast<std::size_t>(t.dims_size()), type, &value),
            Outcome::RUN);
      in.values.emplace_back(value);
    }
    in.names.push_back(t.name().c_str());
    in.raw.push_back(value);
  }
  return in;
}

// The result of one run, in the worker's own memory until it is known whether it must be told.
struct Result {
  std::string name;
  bool tensor = false;
  ONNXTensorElementDataType type{};
  std::vector<std::int64_t> dims;
  std::string bytes;
  std::vector<std::string> strings;
  bool operator==(const Result&) const = default;
};

Result read_output(std::string name, OrtValue* value, Outcome::Stage stage) {
  Result r;
  r.name = std::move(name);
  int is_tensor = 0;
  if (value != nullptr) check(api->IsTensor(value, &is_tensor), stage);
  if (!is_tensor) return r;
  r.tensor = true;
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  check(api->GetTensorTypeAndShape(value, &raw), stage);
  const TypeInfo info(raw);
  check(api->GetTensorElementType(raw, &r.type), stage);
  std::size_t rank = 0, count = 0;
  check(api->GetDimensionsCount(raw, &rank), stage);
  r.dims.resize(rank);
  check(api->GetDimensions(raw, r.dims.data(), rank), stage);
  check(api->GetTensorShapeElementCount(raw, &count), stage);
  if (r.type == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) {
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t length = 0;
      check(api->GetStringTensorElementLength(value, i, &length), stage);
      std::string s(length, '\0');
      check(api->GetStringTensorElement(value, length, i, s.data()), stage);
      r.strings.push_back(std::move(s));
    }
  } else if (count > 0) {
    void* data = nullptr;
    check(api->GetTensorMutableData(value, &data), stage);
    r.bytes.assign(static_cast<const char*>(data), bytes_of(r.type, count));
  }
  return r;
}

std::vector<std::string> output_names(OrtSession* session, Outcome::Stage stage) {
  OrtAllocator* allocator = nullptr;
  check(api->GetAllocatorWithDefaultOptions(&allocator), stage);
  std::size_t count = 0;
  check(api->SessionGetOutputCount(session, &count), stage);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    check(api->SessionGetOutputName(session, i, allocator, &name), stage);
    names.emplace_back(name);
    check(api->AllocatorFree(allocator, name), stage);
  }
  return names;
}

// A session with inputs, ready to be run as often as one likes.
class Call {
 public:
  Call(OrtSession* session, const TensorRefs& inputs, const Slot& slot, Outcome::Stage stage)
      : session_(session),
        stage_(stage),
        in_(make_inputs(inputs, slot)),
        names_(output_names(session, stage)) {
    c_names_.reserve(names_.size());
    for (const std::string& n : names_) c_names_.push_back(n.c_str());
  }

  // The outputs. `taken`, if given, is set to the nanoseconds that the run took.
  std::vector<OrtValuePtr> run(std::uint64_t* taken = nullptr) const {
    std::vector<OrtValue*> outputs(names_.size(), nullptr);
    const std::uint64_t start = now_ns();
    OrtStatus* status = api->Run(session_, nullptr, in_.names.data(), in_.raw.data(), in_.raw.size(),
                                 c_names_.data(), c_names_.size(), outputs.data());
    if (taken != nullptr) *taken = now_ns() - start;
    std::vector<OrtValuePtr> owners(outputs.begin(), outputs.end());
    check(status, stage_);
    return owners;
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  OrtSession* session_;
  Outcome::Stage stage_;
  Inputs in_;
  std::vector<std::string> names_;
  std::vector<const char*> c_names_;
};

std::vector<Result> run_once(OrtSession* session, const TensorRefs& inputs, const Slot& slot,
                             Outcome::Stage stage) {
  const Call call(session, inputs, slot, stage);
  const std::vector<OrtValuePtr> outputs = call.run();
  std::vector<Result> results;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    results.push_back(read_output(call.names()[i], outputs[i].get(), stage));
  return results;
}

void tell(const std::vector<Result>& results, Slot& slot, Outcome::Stage stage, TensorRefs* to) {
  for (const Result& r : results) {
    TensorRef* t = to->Add();
    t->set_name(r.name);
    t->set_not_a_tensor(!r.tensor);
    t->set_dtype(onnx_type(r.type));
    for (std::int64_t d : r.dims) t->add_dims(d);
    for (const std::string& s : r.strings) t->add_strings(s);
    *t->mutable_data() = slot.append(r.bytes.data(), r.bytes.size(), stage);
  }
}

Session create(const void* model, std::size_t size, const Options& options, Outcome::Stage stage) {
  OrtSession* session = nullptr;
  check(api->CreateSessionFromArray(env, model, size, options.get(), &session), stage);
  return Session(session);
}

// Bytes resident at most since the last call of `forget_peak`; 0 where the kernel does not tell.
std::uint64_t peak_resident() {
  std::ifstream in("/proc/self/status");
  for (std::string word; in >> word;)
    if (std::uint64_t kilobytes = 0; word == "VmHWM:" && in >> kilobytes) return kilobytes * 1024;
  return 0;
}
// From now on the peak is that of what follows (proc(5), clear_refs). False where that cannot be had.
bool forget_peak() {
  std::ofstream out("/proc/self/clear_refs");
  out << "5" << std::flush;
  return out.good();
}

// The fastest of some runs, whose outputs nobody looks at.
std::uint64_t fastest_run(OrtSession* session, const TensorRefs& inputs, const Slot& slot, std::uint32_t runs,
                          Outcome::Stage stage) {
  std::uint64_t least = ~std::uint64_t{0};
  const Call call(session, inputs, slot, stage);
  for (std::uint32_t i = 0; i < runs; ++i) {
    std::uint64_t taken = 0;
    call.run(&taken);
    least = std::min(least, taken);
  }
  return least;
}

// Does `work`; what it throws becomes the outcome.
template <class Work>
bool guarded(Slot& slot, Outcome& outcome, Work work) {
  try {
    work();
    outcome.set_kind(Outcome::OUTPUTS);
    return true;
  } catch (const Failure& f) {
    outcome.set_stage(f.stage);
    outcome.set_message(f.message);
  } catch (const std::exception& e) {
    outcome.set_stage(static_cast<Outcome::Stage>(slot.state().stage.load()));
    outcome.set_message(std::string("C++ exception: ") + e.what());
  }
  outcome.set_kind(Outcome::REJECTED);
  outcome.clear_outputs();
  return false;
}

// Runs further inputs in the session of a configuration.
using Again = std::function<void(const TensorRefs& inputs, Outcome& outcome)>;

Again perform(const Request& request, const Configuration& c, Slot& slot, Outcome& outcome,
              std::vector<Result>& first_outputs) {
  std::vector<std::string> passes;
  std::string saved;
  std::shared_ptr<OrtSession> kept;
  auto running = Outcome::RUN;
  auto stage = [&](Outcome::Stage s) {
    slot.state().stage = static_cast<std::uint32_t>(s);
    return s;
  };
  const bool ok = guarded(slot, outcome, [&] {
    stage(Outcome::LOAD);
    Options options = options_for(c, c.level());
    // Memory planned by the sizes of one run serves later ones of those sizes.
    if (request.bindings_size() > 0) check(api->EnableMemPattern(options.get()), Outcome::LOAD);
    const std::string path = "/dev/shm/mobster-" + std::to_string(getpid()) + ".onnx";
    if (c.reload()) check(api->SetOptimizedModelFilePath(options.get(), path.c_str()), Outcome::SAVE);
    fired = c.report_passes() ? &passes : nullptr;
    const std::uint64_t before = c.timed_runs() > 0 && forget_peak() ? peak_resident() : 0;
    const std::uint64_t t0 = now_ns();
    Session session = create(slot.at(request.model()), request.model().size(), options, Outcome::LOAD);
    outcome.set_load_ns(now_ns() - t0);
    fired = nullptr;
    if (c.reload()) {
      session.reset();
      stage(Outcome::SAVE);
      {
        std::ifstream in(path, std::ios::binary);
        if (!in) throw Failure{Outcome::SAVE, "no optimized model was saved"};
        saved.assign(std::istreambuf_iterator<char>(in), {});
      }
      outcome.set_saved_size(saved.size());
      unlink(path.c_str());
      unlink((path + ".data").c_str());
      if (c.keep_saved())
        *outcome.mutable_saved_model() = slot.append(saved.data(), saved.size(), Outcome::SAVE);
      stage(Outcome::RELOAD);
      Configuration plain = c;
      plain.set_report_passes(false);
      plain.clear_disabled();
      session = create(saved.data(), saved.size(), options_for(plain, 0), Outcome::RELOAD);
      running = Outcome::RERUN;
    }
    if (!c.load_only()) {
      stage(running);
      const std::uint64_t t1 = now_ns();
      std::vector<Result> results = run_once(session.get(), request.inputs(), slot, running);
      outcome.set_run_ns(now_ns() - t1);
      for (std::uint32_t i = 1; i < c.runs(); ++i) {
        const std::vector<Result> again = run_once(session.get(), request.inputs(), slot, running);
        if (again == results) continue;
        tell(again, slot, running, outcome.mutable_second_run());
        break;
      }
      if (c.timed_runs() > 0)
        outcome.set_run_ns(fastest_run(session.get(), request.inputs(), slot, c.timed_runs(), running));
      if (before > 0) outcome.set_peak_memory(peak_resident() - std::min(before, peak_resident()));
      if (!first_outputs.empty() && first_outputs == results) {
        outcome.set_same_as_first_outputs(true);
      } else {
        tell(results, slot, running, outcome.mutable_outputs());
        if (first_outputs.empty()) first_outputs = std::move(results);
      }
    }
    outcome.set_stage(running);
    kept = std::move(session);
  });
  fired = nullptr;
  for (std::string& p : passes) outcome.add_passes(std::move(p));
  if (!ok || c.load_only() || request.bindings_size() == 0) return {};
  return [kept, running, &slot](const TensorRefs& inputs, Outcome& further) {
    guarded(slot, further, [&] {
      tell(run_once(kept.get(), inputs, slot, running), slot, running, further.mutable_outputs());
      further.set_stage(running);
    });
  };
}

}  // namespace

// Prints the version that a library says it is (probes/library_version.h).
static int print_version(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return 1;
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (get_base == nullptr) return 1;
  std::puts(get_base()->GetVersionString());
  std::fflush(stdout);
  _exit(0);  // some versions do not survive being unloaded
}

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[2], "--version") == 0) return print_version(argv[1]);
  char* memory = worker::start();
  if (argc < 2) worker::cannot_start("usage: mobster-onnxruntime-worker LIBONNXRUNTIME.SO");
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) worker::cannot_start(dlerror());
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  if (get_base == nullptr) worker::cannot_start("the library has no OrtGetApiBase: it is no ONNX Runtime");
  for (std::uint32_t v = 15; v > 0 && api == nullptr; --v) api = get_base()->GetApi(v);
  if (api == nullptr) worker::cannot_start("the library offers no C API that this worker knows");
  if (OrtStatus* status =
          api->CreateEnvWithCustomLogger(on_log, nullptr, ORT_LOGGING_LEVEL_WARNING, "mobster", &env))
    worker::cannot_start(api->GetErrorMessage(status));
  worker::serve(memory, [](const Request& request, Slot& slot) {
    std::vector<Result> first_outputs;
    worker::each_configuration(request, slot, [&](const Configuration& c, Outcome& outcome) {
      return perform(request, c, slot, outcome, first_outputs);
    });
  });
}
