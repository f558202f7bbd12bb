// What every operator owes: its drafts are valid ONNX by the library's own checker, and its `infer` agrees
// with the library's shape inference, in every opset form.
#include <gtest/gtest.h>

#include "fuzzer/generator/sampler.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

// Whether a declared type leaves room for the concrete one.
bool agrees(const TensorType& declared_type, const ArrayType& t) {
  if (declared_type.dtype != t.dtype) return false;
  if (!declared_type.shape) return true;
  if (declared_type.shape->size() != t.rank()) return false;
  for (std::size_t i = 0; i < t.rank(); ++i)
    if ((*declared_type.shape)[i].value >= 0 && (*declared_type.shape)[i].value != t.dims[i]) return false;
  return true;
}

TEST(Drafts, AreValidInEveryForm) {
  std::size_t forms_drawn = 0, cases = 0;
  for (const OpSpec* op : all_ops()) {
    if (op->draft == nullptr) continue;
    for (int since : forms(op->name, std::max(9, op->since), kNewestOpset, op->domain)) {
      const int opset = std::max({9, op->since, since});
      const Schema* form = schema(op->name, opset, op->domain);
      if (form->deprecated) continue;
      int drawn = 0;
      for (std::uint64_t i = 0; i < 40 && drawn < 6; ++i) {
        Rng rng(static_cast<std::uint64_t>(opset), i);
        SampleOptions options;
        options.opset = opset;
        options.first = op;
        std::optional<Case> c = sample(rng, options);
        if (!c) continue;
        ++drawn;
        ++cases;
        const std::string why = check_model(c->model);
        EXPECT_EQ(why, "") << op->name << "-" << opset << " draw " << i << "\n" << to_text(c->model);
        if (!why.empty()) break;
        const Reference r = evaluate(*c);
        ASSERT_TRUE(r.available()) << op->name << "-" << opset << ": " << r.unavailable;
        // The library infers from nothing: the outputs' declared types are ours.
        Model bare = c->model;
        for (ValueId v : bare.graph.outputs) bare.graph[v].type->shape.reset();
        const Model inferred = infer_shapes(bare);
        for (std::size_t o = 0; o < r.outputs.size(); ++o) {
          const Value& v = inferred.graph[inferred.graph.outputs[o]];
          ASSERT_TRUE(v.type);
          EXPECT_TRUE(agrees(*v.type, r.outputs[o].type))
              << op->name << "-" << opset << " output " << o << ": onnx infers " << show(*v.type) << ", we "
              << show(r.outputs[o].type) << "\n"
              << to_text(c->model);
        }
      }
      EXPECT_GT(drawn, 0) << op->name << "-" << opset << " is never drawn";
      ++forms_drawn;
    }
  }
  std::cout << forms_drawn << " (operator, opset form) pairs, " << cases << " drafts\n";
  EXPECT_GE(all_ops().size(), 60u);
}

TEST(Sampler, IsAFunctionOfSeedAndIndex) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    SampleOptions options;
    options.nodes = 3;
    Rng a(5, i), b(5, i);
    const auto x = sample(a, options), y = sample(b, options);
    ASSERT_EQ(x.has_value(), y.has_value());
    if (!x) continue;
    EXPECT_EQ(serialize(x->model), serialize(y->model));
    for (const auto& [name, tensor] : x->inputs) EXPECT_TRUE(tensor.identical(y->inputs.at(name)));
  }
}

}  // namespace
}  // namespace mob
