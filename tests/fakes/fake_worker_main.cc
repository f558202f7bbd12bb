// A fake runtime, spoken to like a real one: it evaluates models by the reference, and is wrong in one way
// when it "optimizes" (level above 0): in FakePass, of which it tells, or at load in HiddenPass, of which it
// does not. The honest ones are never wrong. Faults that are about who is guilty:
//   swapped-by-two, -by-three  FakePass swaps, and where it is disabled OtherPass does, and then ThirdPass
//   swapped-by-hidden          HiddenPass swaps, FakePass does no harm and tells of it
//   swapped-or-error           where FakePass is disabled, OtherPass fails at load
//   swapped-at-times           ... every other time
//   swapped-if-within          only what is no graph output
//   swapped-when-saved         the session is right, the model that it saves is not
//   refuses, refuses-plain     takes no model, or none without optimization
// What is behind a '+' is said of any of them: "+saves" brings the optimized model back when it is asked for.
//
//   mobster-fake-worker MODE
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <thread>

#include "fuzzer/base/hash.h"
#include "fuzzer/base/rng.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"
#include "fuzzer/runtime/serve.h"

namespace {

using namespace mob;
using wire::Outcome;

std::string mode;
bool saves = false;
std::uint64_t calls = 0;

bool is(std::string_view m) {
  return mode == m;
}

// Swaps the operands of the first operator that is not commutative (and reads another's result).
void swap_operands(Graph& graph, bool behind_another, bool within = false) {
  const auto computed = [&](ValueId v) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                       [&](const Node& n) { return n.outputs.at(0) == v; });
  };
  for (Node& n : graph.nodes)
    if ((n.op_type == "Sub" || n.op_type == "Div" || n.op_type == "Pow") && n.inputs.size() == 2 &&
        (!behind_another || computed(n.inputs[0])) && (!within || !graph.is_output(n.outputs[0]))) {
      std::swap(n.inputs[0], n.inputs[1]);
      return;
    }
}

// Whether an Add or Mul reads what an elementwise operator of one input makes.
bool has_edge(const Graph& graph) {
  const auto unary = [&](ValueId v) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) {
      return n.outputs.at(0) == v &&
             (n.op_type == "Neg" || n.op_type == "Abs" || n.op_type == "Relu" || n.op_type == "Sqrt" ||
              n.op_type == "Tanh" || n.op_type == "Sigmoid" || n.op_type == "Exp");
    });
  };
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) {
    return (n.op_type == "Add" || n.op_type == "Mul") && std::any_of(n.inputs.begin(), n.inputs.end(), unary);
  });
}

using TensorRefs = google::protobuf::RepeatedPtrField<wire::TensorRef>;

Inputs read_inputs(const TensorRefs& refs, const worker::Slot& slot) {
  Inputs inputs;
  for (const auto& t : refs) {
    const auto dtype = static_cast<DType>(t.dtype());
    Dims dims(t.dims().begin(), t.dims().end());
    inputs[t.name()] = dtype == DType::kString
                           ? Tensor(dims, {t.strings().begin(), t.strings().end()})
                           : Tensor({dtype, dims}, std::string(slot.at(t.data()), t.data().size()));
  }
  return inputs;
}

Case read_case(const wire::Request& request, const worker::Slot& slot) {
  Case c;
  c.model = parse_model({slot.at(request.model()), request.model().size()});
  c.inputs = read_inputs(request.inputs(), slot);
  return c;
}

// An honest kernel's freedom: any value within the bound, rounded to the type in the end.
Tensor within_bound(const Expected& x, Rng& rng) {
  if (!x.holds_reals()) return rounded(x);
  std::vector<double> values(x.count());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const FloatFormat& f = float_format(x.type.dtype);
    const double rounding =
        1.01 * f.unit_roundoff * (std::fabs(x.value_at(i)) + x.bound_at(i)) + f.min_normal;
    const double freedom = x.open_at(i) ? 1 : std::max(0.0, x.bound_at(i) - rounding);
    values[i] = x.value_at(i) + freedom * rng.uniform(-1, 1);
  }
  return Tensor::of(x.type.dtype, x.type.dims, values);
}

// A tensor of numbers in place of strings, which no fault below is about.
Tensor numbers(const Tensor& t) {
  return t.is_string() ? Tensor::of(DType::kFloat, t.dims(), std::vector<double>(t.strings().size())) : t;
}

Tensor scaled(const Tensor& t, double by) {
  if (t.is_string()) {
    auto words = t.strings();
    for (auto& w : words) w += "!";
    return Tensor(t.dims(), std::move(words));
  }
  if (!is_float(t.dtype())) {
    auto v = t.ints_vector();
    for (auto& x : v) x = t.dtype() == DType::kBool ? !x : x ^ 1;
    return Tensor::of_ints(t.dtype(), t.dims(), v);
  }
  auto v = t.reals();
  for (auto& x : v) x = x * by + (x == 0 ? by - 1 : 0);
  return Tensor::of(t.dtype(), t.dims(), v);
}

Tensor without_first_axis(const Tensor& t) {
  if (t.dims().empty() || t.dims()[0] == 0) return Tensor::of(t.dtype(), {1}, {0});
  const Dims rest(t.dims().begin() + 1, t.dims().end());
  auto v = t.reals();
  v.resize(static_cast<std::size_t>(element_count(rest)));
  return Tensor::of(t.dtype(), rest, v);
}

void tell(const std::vector<Tensor>& tensors, const Graph& graph, worker::Slot& slot, TensorRefs* to) {
  for (std::size_t o = 0; o < tensors.size(); ++o) {
    auto* t = to->Add();
    t->set_name(graph[graph.outputs[o]].name);
    t->set_dtype(static_cast<std::uint32_t>(tensors[o].dtype()));
    for (auto d : tensors[o].dims()) t->add_dims(d);
    for (const std::string& s : tensors[o].strings()) t->add_strings(s);
    *t->mutable_data() = slot.append(tensors[o].raw().data(), tensors[o].raw().size(), Outcome::RUN);
  }
}

void perform(const wire::Request& request, const wire::Configuration& c, worker::Slot& slot,
             Outcome& outcome) {
  const std::string_view pass = is("crash-at-load") || is("error-at-load") ? "HiddenPass" : "FakePass";
  const auto enabled = [&](std::string_view p) {
    return std::find(c.disabled().begin(), c.disabled().end(), p) == c.disabled().end();
  };
  bool faulty = c.level() > 0 && enabled(pass) && enabled("HelperPass");
  ++calls;
  std::string_view guilty = "FakePass";
  for (const auto& [of, names] : {std::pair<std::string_view, std::vector<std::string_view>>{
                                      "swapped-by-two", {"FakePass", "OtherPass"}},
                                  {"swapped-by-three", {"FakePass", "OtherPass", "ThirdPass"}},
                                  {"swapped-by-hidden", {"HiddenPass"}}}) {
    if (!is(of)) continue;
    const auto first = std::find_if(names.begin(), names.end(), enabled);
    faulty = c.level() > 0 && first != names.end();
    if (faulty && !is("swapped-by-hidden")) guilty = *first;
  }
  if (is("swapped-at-times") && calls % 2 == 1) faulty = false;
  Case the_case = read_case(request, slot);
  if (faulty && is("crash-at-load")) std::abort();
  const bool traded = is("swapped-or-error") && c.level() > 0 && !enabled("FakePass") && enabled("OtherPass");
  const bool refuses = is("refuses") || (is("refuses-plain") && c.level() == 0);
  if ((faulty && is("error-at-load")) || refuses || traded) {
    outcome.set_kind(Outcome::REJECTED);
    outcome.set_stage(Outcome::LOAD);
    outcome.set_message("FAIL: no kernel for FusedNonsense");
    return;
  }
  if (faulty && is("edge") && has_edge(the_case.model.graph)) {
    outcome.set_kind(Outcome::REJECTED);
    outcome.set_stage(Outcome::LOAD);
    outcome.set_message("FAIL: node 'fused_" + the_case.model.graph.nodes.front().name +
                        "' has 3 inputs, 2 are wanted");
    return;
  }
  if (faulty && mode.starts_with("swapped-") && !is("swapped-behind-another"))
    if (!is("swapped-when-saved") || c.reload())
      swap_operands(the_case.model.graph, false, is("swapped-if-within"));
  if (faulty && is("swapped-behind-another")) swap_operands(the_case.model.graph, true);
  if (faulty && is("last-axis"))
    for (Node& n : the_case.model.graph.nodes)
      if (n.op_type == "Softmax") n.set("axis", std::int64_t{-1});
  if (saves && c.keep_saved()) {
    const std::string bytes = serialize(the_case.model);
    *outcome.mutable_saved_model() = slot.append(bytes.data(), bytes.size(), Outcome::SAVE);
  }
  if (c.load_only() && saves) {
    outcome.set_kind(Outcome::OUTPUTS);
    return;
  }
  slot.state().stage = Outcome::RUN;
  if (is("refused-or-crash")) {
    if (faulty) __builtin_trap();
    outcome.set_kind(Outcome::REJECTED);
    outcome.set_stage(Outcome::RUN);
    outcome.set_message("FAIL: the kernel takes no such shape");
    return;
  }
  if (faulty && is("wrong-shape-within")) {
    outcome.set_kind(Outcome::REJECTED);
    outcome.set_stage(Outcome::LOAD);
    outcome.set_message("FAIL: shapes do not match");
    return;
  }
  if (faulty && is("crash-at-run")) __builtin_trap();
  if (faulty && is("hang"))
    for (volatile bool for_ever = true; for_ever;) {
    }
  if (faulty && is("sleep")) std::this_thread::sleep_for(std::chrono::hours(1));
  if (faulty && is("exit")) _exit(0);
  if (is("needs-poison") && faulty) {
    // Reads memory that it never wrote.
    auto* p = static_cast<volatile double*>(std::malloc(64 * sizeof(double)));
    const double garbage = p[40];
    std::free(const_cast<double*>(p));
    if (garbage != 0) outcome.set_message("garbage");
  }
  const Reference r = evaluate(the_case);
  if (!r.available()) {
    outcome.set_kind(Outcome::REJECTED);
    outcome.set_stage(Outcome::RUN);
    outcome.set_message("INVALID_ARGUMENT: " + r.unavailable);
    return;
  }
  Rng rng(hash64(slot.at(request.model()) ? std::string_view(slot.at(request.model()), request.model().size())
                                          : ""),
          is("honest-noisy") ? calls : 0);
  std::vector<Tensor> tensors;
  for (const Expected& x : r.outputs) {
    Tensor t = is("honest-noisy") ? within_bound(x, rng) : rounded(x);
    const bool wrong = (faulty && is("wrong-numbers")) || is("wrong-kernel") ||
                       (is("wrong-when-saved") && c.reload()) || (faulty && outcome.message() == "garbage");
    if (wrong) t = scaled(t, 1.01);
    if (faulty && is("dropped-axis")) t = without_first_axis(numbers(t));
    if (faulty && is("wrong-type"))
      t = Tensor::of(t.dtype() == DType::kDouble ? DType::kFloat : DType::kDouble, t.dims(),
                     numbers(t).reals());
    tensors.push_back(std::move(t));
  }
  outcome.clear_message();
  if (is("wrong-shape-within") && tensors.size() > 1)
    tensors.back() = without_first_axis(numbers(tensors.back()));
  if (faulty && is("missing-output")) tensors.pop_back();
  if (faulty && (is("not-saved") || is("lost-not-saved")) && c.reload()) {
    outcome.set_kind(Outcome::REJECTED);
    outcome.set_stage(Outcome::RELOAD);
    outcome.set_message("INVALID_GRAPH: the saved model cannot be loaded");
    return;
  }
  if (faulty && is("first-run-garbage") && c.runs() > 1) {
    std::vector<Tensor> first;
    for (const Tensor& t : tensors) first.push_back(scaled(t, 3));
    tell(first, the_case.model.graph, slot, outcome.mutable_outputs());
    tell(tensors, the_case.model.graph, slot, outcome.mutable_second_run());
  } else {
    tell(tensors, the_case.model.graph, slot, outcome.mutable_outputs());
  }
  if (faulty && (is("lost-output") || is("lost-not-saved")))
    outcome.mutable_outputs(0)->set_not_a_tensor(true);
  if (faulty && is("swapped-with-help")) outcome.add_passes("HelperPass");
  if (is("swapped-by-hidden") ? c.level() > 0 && enabled("FakePass") : faulty)
    outcome.add_passes(std::string(guilty));
  outcome.set_kind(Outcome::OUTPUTS);
  outcome.set_stage(c.reload() ? Outcome::RERUN : Outcome::RUN);
}

// Further inputs in the session of a configuration. The faults that it takes them to see:
//   first-binding   answers with what it knows of the first ones
//   scaled-binding  is wrong at other sizes, by numbers
//   spoiled-first   is right at other sizes, and wrong at the first ones from then on
//   crash-, hang-, error-at-binding
//   kernel-at-binding is wrong at other sizes, without optimization too
void perform_again(const wire::Request& request, const wire::Configuration& c, const TensorRefs& inputs,
                   worker::Slot& slot, Outcome& outcome) {
  Case the_case = read_case(request, slot);
  const Inputs first = std::move(the_case.inputs);
  the_case.inputs = read_inputs(inputs, slot);
  const bool faulty =
      c.level() > 0 && std::find(c.disabled().begin(), c.disabled().end(), "FakePass") == c.disabled().end();
  const bool other = std::any_of(first.begin(), first.end(), [&](const auto& given) {
    return the_case.inputs.at(given.first).type() != given.second.type();
  });
  outcome.set_stage(Outcome::RUN);
  if (faulty && other && is("crash-at-binding")) __builtin_trap();
  if (faulty && other && is("hang-at-binding"))
    for (volatile bool for_ever = true; for_ever;) {
    }
  if (faulty && other && is("first-binding")) the_case.inputs = first;
  const Reference r = evaluate(the_case);
  if (!r.available() || (faulty && other && is("error-at-binding"))) {
    outcome.set_kind(Outcome::REJECTED);
    outcome.set_message("INVALID_ARGUMENT: " + r.unavailable);
    return;
  }
  Rng rng(7, ++calls);
  std::vector<Tensor> tensors;
  for (const Expected& x : r.outputs) {
    const bool wrong = (faulty && other && is("scaled-binding")) ||
                       (faulty && !other && is("spoiled-first")) || (other && is("kernel-at-binding"));
    const Tensor right = is("honest-noisy") ? within_bound(x, rng) : rounded(x);
    tensors.push_back(wrong ? scaled(right, 1.01) : right);
  }
  tell(tensors, the_case.model.graph, slot, outcome.mutable_outputs());
  outcome.set_kind(Outcome::OUTPUTS);
}

}  // namespace

int main(int argc, char** argv) {
  char* memory = worker::start();
  mode = argc > 1 ? argv[1] : "honest";
  if (const auto plus = mode.find('+'); plus != std::string::npos) {
    saves = mode.substr(plus) == "+saves";
    mode.resize(plus);
  }
  if (is("cannot-start")) worker::cannot_start("the library is of another machine");
  if (is("threads")) std::thread([] { std::this_thread::sleep_for(std::chrono::hours(1)); }).detach();
  worker::serve(memory, [](const wire::Request& request, worker::Slot& slot) {
    worker::each_configuration(request, slot, [&](const wire::Configuration& c, Outcome& o) {
      perform(request, c, slot, o);
      std::function<void(const TensorRefs&, Outcome&)> again;
      if (o.kind() == Outcome::OUTPUTS && !c.load_only())
        again = [&](const TensorRefs& inputs, Outcome& further) {
          perform_again(request, c, inputs, slot, further);
        };
      return again;
    });
  });
}
