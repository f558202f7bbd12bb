// An oracle compares evidence and never makes any. One file each in this folder, one line in all.def.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/reference/reference.h"
#include "fuzzer/runtime/outcome.h"
#include "fuzzer/runtime/system.h"

namespace mob {

// The symptoms of the study of model-optimization bugs (Guan et al., ICSE 2023), with hangs told apart from
// crashes, and nondeterminism.
enum class Symptom : std::uint8_t { kCrash, kHang, kWrongStructure, kWrongNumbers, kNoGain, kNondeterminism };
std::string_view name(Symptom s);

// Whose fault it is, as far as values and meaning tell. Ordered: the first weighs most.
enum class FindingClass : std::uint8_t {
  kBug,            // the optimizer's doing
  kKernel,         // wrong without optimization too, or in a kernel that the optimized model is right about
  kPrecision,      // what float32 arithmetic inside a double model explains
  kKnownLimit,     // saturating 16-bit products, rounded activations, requantization left out: by design
  kSpecialValues,  // only infinities, NaN or their offspring differ
};
std::string_view name(FindingClass c);

// How far one element lies outside its bound.
struct Gap {
  std::string output;
  std::size_t element = 0;
  double expected = 0;
  double bound = 0;
  double got = 0;
  double excess = 0;        // |got - expected| / bound; infinite where no number can say it
  std::size_t outside = 0;  // elements outside, of
  std::size_t elements = 0;
};

struct Finding {
  std::string_view oracle;
  Symptom symptom = Symptom::kCrash;
  FindingClass cls = FindingClass::kBug;
  std::string stage;                        // load, prune, quantize, cluster, optimize, save, run
  std::vector<std::size_t> configurations;  // the bad ones, as indices
  std::optional<Gap> gap;                   // the worst element of wrong numbers
  std::size_t binding =
      0;  // shown by this further binding of the case, from 1 on (one more: its own inputs again)
  std::string message;
  // Kinds of the optimizations that the model has been through, the one at fault last.
  std::string kind = "graph-optimization";
};

// What one way to run a case costs.
struct Cost {
  double seconds = 0;            // of the fastest of some runs
  std::int64_t peak_memory = 0;  // bytes; 0: unknown
  bool known = false;            // it ran
};

struct Verdict {
  enum class Kind : std::uint8_t { kAgree, kSkip, kFinding };
  Kind kind = Kind::kAgree;
  std::string reason;  // why skipped
  std::optional<Finding> finding;

  static Verdict agree() { return {}; }
  static Verdict skip(std::string why) { return {Kind::kSkip, std::move(why), {}}; }
  static Verdict found(Finding f) { return {Kind::kFinding, {}, std::move(f)}; }
};

// All that is known of one case on one system. Configuration 0 is the plain one (no optimization).
struct Evidence {
  const Case& c;
  const Reference& reference;
  std::span<const Configuration> configurations;
  const std::vector<Outcome>& outcomes;
  // Evaluates the case again under weaker arithmetic (cached by the caller).
  std::function<const Reference&(const Arithmetic&)> relaxed;
  // The saved optimized model of a configuration, evaluated by the reference; null where there is none or the
  // reference cannot. Only asked when a number is wrong.
  std::function<const Reference*(std::size_t configuration)> optimized_reference;
  // Of a case with random operators: outcomes of more sessions, one entry per repeat, each in the order of
  // `configurations`. Empty otherwise.
  std::vector<std::vector<Outcome>> repeats;
  // Of a case with further bindings: the evidence at each, and last that of the case's own inputs run once
  // more after them. An outcome that is rejected at load was not run: its session had ended before.
  std::vector<Evidence> bindings = {};
  // Of evidence at a binding: its sizes in words ("d3 = 5 after d3 = 2").
  std::string sizes = {};
  // ... and the outcome of a session of this configuration whose symbolic dimensions are fixed to these
  // sizes.
  std::function<Outcome(std::size_t configuration)> static_session = {};
  // How the case came of others by mutators that keep the meaning, first step first; each parent is the case
  // before the step. Empty where it did not, or where nobody wants that to be looked into.
  std::span<const Derivation> steps = {};
  // Another case on the same system; what a case costs there. Null where nothing can be run.
  std::function<std::vector<Outcome>(const Case&, const std::vector<Configuration>&)> run = {};
  std::function<Cost(const Case&, const Configuration&)> measure = {};

  const Outcome& plain() const { return outcomes.front(); }
  const std::vector<Output>& outputs(std::size_t i) const { return outputs_of(outcomes, i); }
};

struct Oracle {
  std::string_view name;   // "plain-vs-optimized"
  std::string_view shows;  // one line: the two things compared, and the symptoms it can show
  Verdict (*check)(const Evidence&);
};
const std::vector<const Oracle*>& all_oracles();

}  // namespace mob
