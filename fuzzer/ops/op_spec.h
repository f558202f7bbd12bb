// The contract of an operator. One file per operator or family in this folder, one line in all.def.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/base/rng.h"
#include "fuzzer/graph/graph.h"
#include "fuzzer/graph/schema.h"
#include "fuzzer/ops/expected.h"

namespace mob {

// The node breaks the ONNX spec for these inputs (shapes that do not fit, an axis out of range): there is no
// right answer, and a runtime may refuse it.
struct InvalidNode : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// How far below the honest arithmetic a result may be and still be explained by a known limit. The gates of
// the oracles evaluate a case again with one of these set; the default is the contract itself.
struct Arithmetic {
  bool double_as_float = false;  // double tensors calculated in float32 (class "precision")
  bool saturating_u8s8 = false;  // u8 x s8 products summed in saturating 16-bit pairs (AVX2 without VNNI)
  bool quantized_activations = false;  // products with dequantized weights round the other side to 8 bits
  bool quantized_weights = false;  // float weights and bias behind a dequantized input become int8 and int32
  bool skipped_requantization = false;  // QuantizeLinear -> DequantizeLinear may be left out: lossy by design
  bool reordered_sums = false;  // terms of neighbouring nodes summed in another order: roundings count twice
  bool skipped_half_casts = false;  // Cast to float16 left out where what follows is calculated in float32
  bool flushed_subnormals = false;  // subnormal numbers that the model is given may be taken for 0
  bool operator==(const Arithmetic&) const = default;
};

// A node with its inputs, for `infer`.
class Inference {
 public:
  Inference(const Node& node, int opset, std::span<const Expected* const> inputs)
      : node_(node), opset_(opset), inputs_(inputs), types_(node.outputs.size()) {}

  const Node& node() const { return node_; }
  int opset() const { return opset_; }  // of the node's domain

  std::size_t input_count() const { return inputs_.size(); }
  bool has_input(std::size_t i) const { return i < inputs_.size() && inputs_[i] != nullptr; }
  const Expected& input(std::size_t i) const {
    if (!has_input(i)) throw InvalidNode("input " + std::to_string(i) + " is missing");
    return *inputs_[i];
  }
  const ArrayType& type(std::size_t i) const { return input(i).type; }
  const Dims& dims(std::size_t i) const { return input(i).type.dims; }
  std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(dims(i).size()); }

  // Values of an integer input (axes, shape, pads). Throws Unsupported if one of them is open.
  std::vector<std::int64_t> ints(std::size_t i) const;
  // The ints of input i if it is there, else of the attribute, else the fallback: the two forms of one
  // parameter (axes as attribute before, as input after some opset).
  std::vector<std::int64_t> ints_or(std::size_t i, std::string_view attribute,
                                    std::vector<std::int64_t> fallback) const;

  // An axis in [-rank, rank) as one in [0, rank); InvalidNode otherwise.
  static std::int64_t axis(std::int64_t a, std::int64_t rank);

  std::size_t output_count() const { return node_.outputs.size(); }
  bool wants(std::size_t i) const { return i < node_.outputs.size() && node_.outputs[i] != kNoValue; }
  void set_output(std::size_t i, ArrayType t) {
    if (i < types_.size()) types_[i] = std::move(t);
  }
  const std::vector<ArrayType>& outputs() const { return types_; }

 protected:
  const Node& node_;
  int opset_;
  std::span<const Expected* const> inputs_;
  std::vector<ArrayType> types_;
};

// A node with its inputs and its outputs, allocated by what `infer` said, for `evaluate`.
class Evaluation : public Inference {
 public:
  Evaluation(const Node& node, int opset, std::span<const Expected* const> inputs,
             const Arithmetic& arithmetic)
      : Inference(node, opset, inputs), arithmetic_(arithmetic) {}
  void allocate();  // after infer

  const Arithmetic& arithmetic() const { return arithmetic_; }
  Expected& output(std::size_t i = 0) { return outputs_[i]; }
  std::vector<Expected>& results() { return outputs_; }

  // Elements of input i as real numbers of type R, converted where it holds another type (ints exactly).
  template <class R>
  const Reals<R>& reals(std::size_t i);
  const Ints& input_ints(std::size_t i) const { return input(i).ints(); }

  template <class R>
  Reals<R>& out_reals(std::size_t i = 0) {
    return std::get<Reals<R>>(outputs_[i].data);
  }
  Ints& out_ints(std::size_t i = 0) { return outputs_[i].ints(); }

  // The rounding of the type of output i (double as float32 when the arithmetic says so).
  template <class R>
  Rounding<R> rounding(std::size_t i = 0) const {
    return rounding_of<R>(outputs_[i].type.dtype);
  }
  template <class R>
  Rounding<R> rounding_of(DType t) const {
    FloatFormat f = float_format(t == DType::kDouble && arithmetic_.double_as_float ? DType::kFloat : t);
    if (arithmetic_.reordered_sums) f.unit_roundoff *= 2;
    return Rounding<R>(f);
  }

  // Counts elements that the ONNX spec leaves open (their bound must be set to infinity / Ints::kOpen too).
  void unspecified(std::string_view why, std::size_t elements = 1);
  std::size_t unspecified_count() const { return unspecified_; }

  // Output i is drawn at random: every element becomes open (judged by type and shape only).
  void draw_output(std::size_t i = 0);
  bool drew_random() const { return drew_random_; }
  const std::string& unspecified_reason() const { return unspecified_reason_; }

 private:
  const Arithmetic& arithmetic_;
  std::vector<Expected> outputs_;
  std::deque<Reals<double>> doubles_;  // converted inputs, kept for the call
  std::deque<Reals<long double>> long_doubles_;
  std::size_t unspecified_ = 0;
  std::string unspecified_reason_;
  bool drew_random_ = false;
};

// Where fresh values of a drafted input should lie, so that few elements end up undecided or vague.
struct ValueRange {
  double low = -2;
  double high = 2;
  double away_from_zero = 0;  // |x| at least this
  bool integral = false;      // whole numbers, also in floating-point types
};

// How the operator sees an input: what an optimizer would look for.
enum class Role : std::uint8_t {
  kData,       // an activation: any tensor does
  kWeight,     // usually an initializer, may be anything
  kParameter,  // carries meaning (shape, axes, pads, scale): usually constant
};

// A request for one input. Dimensions that must have a given size are numbers, others kAny; without `dims`
// the rank is free between the two limits.
inline constexpr std::int64_t kAny = -1;
struct Want {
  DTypeSet types = kFloats;
  std::optional<Dims> dims = {};
  int min_rank = 0;
  int max_rank = 4;
  std::int64_t min_size = 1;  // of every free dimension
  Role role = Role::kData;
  ValueRange range = {};
};

// The generator's side of drafting a node: the operator asks for inputs one after the other; each answer is
// the concrete type of a tensor that the generator found or made, so what is asked next can depend on it
// (this is how symbols are unified, without a solver). Types are cut down to what the operator's schema at
// `opset()` takes; a draft that cannot go on returns false and leaves nothing behind.
class Draft {
 public:
  virtual ~Draft() = default;
  Rng& rng() { return rng_; }
  int opset() const { return opset_; }
  const Schema& schema() const { return schema_; }
  // Element types that the schema's type constraint (or parameter) takes at this opset and the runtime too.
  virtual DTypeSet types(std::string_view constraint_or_parameter) const = 0;

  // The next input slot. Throws CannotDraft when nothing fits (no type left).
  virtual ArrayType input(const Want& want) = 0;
  // The next input slot, holding this very value.
  virtual void input(Tensor value, Role role = Role::kParameter) = 0;
  // The next input slot stays empty (optional input).
  virtual void skip_input() = 0;
  virtual void attribute(std::string_view name, AttributeValue value) = 0;
  virtual void outputs(std::size_t count) = 0;  // default 1

  // A size for a free dimension, as the policy likes them (small, sometimes 1, rarely 0).
  virtual std::int64_t size() = 0;

 protected:
  Draft(Rng& rng, int opset, const Schema& schema) : rng_(rng), opset_(opset), schema_(schema) {}

 private:
  Rng& rng_;
  int opset_;
  const Schema& schema_;
};
struct CannotDraft {};

struct OpSpec {
  std::string_view name;         // ONNX name: "LayerNormalization"
  std::string_view domain = "";  // "" or "com.microsoft"
  int since = 1;                 // first opset that is covered; every later form is, too
  // Draws attributes and asks for inputs. Null: evaluated, but never drawn. False: cannot be drawn here.
  bool (*draft)(Draft&) = nullptr;
  // Sets the type of every output. Throws InvalidNode or Unsupported.
  void (*infer)(Inference&) = nullptr;
  // Fills in the outputs, which stand allocated, zero and exact. Never changes their types.
  void (*evaluate)(Evaluation&) = nullptr;
};

using Family = std::span<const OpSpec>;

// Every covered operator in the order of all.def.
const std::vector<const OpSpec*>& all_ops();
// The spec of an operator, or null.
const OpSpec* find_op(std::string_view name, std::string_view domain = "");

}  // namespace mob
