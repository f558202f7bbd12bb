// Layer normalizations that ONNX Runtime's fusions write.
#include "fuzzer/ops/contrib.h"

namespace mob::ops {
namespace {

void refuse_output(const Inference& inf, std::size_t i) {
  if (inf.wants(i)) throw Unsupported("the statistics of the normalization are not covered");
}

// The domain is the standard one, though onnx does not know the operator. Its scale does not broadcast.
Expected simplified_layer_norm(const Inference& inf) {
  refuse_output(inf, 1);
  const Dims& x = inf.dims(0);
  const std::int64_t axis = Inference::axis(inf.node().int_or("axis", -1), inf.rank(0));
  if (inf.type(1).count() != product(x, static_cast<std::size_t>(axis), x.size()))
    throw InvalidNode("the scale does not have the size of what is normalized");
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(), {"axis", "epsilon", "stash_type"}, attributes);
  return apply(inf, "RMSNormalization", std::move(attributes), {&inf.input(0), &inf.input(1)});
}

std::vector<Attribute> last_axis(const Inference& inf) {
  return {{"axis", std::int64_t{-1}},
          {"epsilon", static_cast<float>(inf.node().float_or("epsilon", 1e-12f))}};
}

// gamma, beta: of the last axis.
void check_vector(const Inference& inf, std::size_t i, const Dims& x) {
  if (inf.has_input(i) && (x.empty() || inf.dims(i) != Dims{x.back()}))
    throw InvalidNode("gamma, beta or bias does not fit the last axis");
}

// input + skip + bias, where skip may lack the batch; it does not broadcast otherwise.
Expected sum_of_skip(const Inference& inf, std::size_t bias) {
  const Dims& x = inf.dims(0);
  check_vector(inf, bias, x);
  std::vector<Dims> forms = {x};
  if (x.size() == 3) forms.insert(forms.end(), {{1, x[1], x[2]}, {x[1], x[2]}});
  if (std::find(forms.begin(), forms.end(), inf.dims(1)) == forms.end())
    throw InvalidNode("skip is not of the input's shape");
  std::vector<const Expected*> terms = {&inf.input(0), &inf.input(1)};
  if (inf.has_input(bias)) terms.push_back(&inf.input(bias));
  return apply(inf, "Sum", {}, terms);
}

// input, skip, gamma, beta, bias -> output, mean, inverse deviation, the sum that is normalized
std::vector<Expected> skip_layer_norm(const Inference& inf) {
  check_vector(inf, 2, inf.dims(0));
  check_vector(inf, 3, inf.dims(0));
  Expected sum = sum_of_skip(inf, 4);
  std::vector<Expected> made =
      apply_all(inf, "LayerNormalization", last_axis(inf), {&sum, &inf.input(2), optional_input(inf, 3)}, 3);
  made.push_back(std::move(sum));
  return made;
}

// input, skip, gamma, bias -> the same
std::vector<Expected> skip_simplified_layer_norm(const Inference& inf) {
  refuse_output(inf, 1);
  refuse_output(inf, 2);
  check_vector(inf, 2, inf.dims(0));
  std::vector<Expected> made(4);
  made[3] = sum_of_skip(inf, 3);
  made[0] = apply(inf, "RMSNormalization", last_axis(inf), {&made[3], &inf.input(2)});
  return made;
}

// --- EmbedLayerNormalization ---
// input_ids, segment_ids, word_embedding, position_embedding, segment_embedding, gamma, beta, mask,
// position_ids -> output, mask_index (how many of each row's mask are 1), embedding_sum

Expected looked_up(const Inference& inf, std::size_t table, std::size_t rows) {
  return apply(inf, "Gather", {{"axis", std::int64_t{0}}}, {&inf.input(table), &inf.input(rows)});
}

Expected mask_index(const Inference& inf) {
  const Expected axes = exact(Tensor::ints({1}));
  if (!inf.has_input(7)) return Expected({DType::kInt32, {inf.dims(0)[0]}});
  if (inf.dims(7) != inf.dims(0)) throw InvalidNode("the mask is not of the ids' shape");
  const Expected one = exact(Tensor::of_ints(DType::kInt32, {}, {1}));
  const Expected is_one = apply(inf, "Equal", {}, {&inf.input(7), &one});
  const Expected number = apply(inf, "Cast", {{"to", static_cast<std::int64_t>(DType::kInt32)}}, {&is_one});
  return apply(inf, "ReduceSum", {{"keepdims", std::int64_t{0}}}, {&number, &axes});
}

std::vector<Expected> embed_layer_norm(const Inference& inf) {
  if (inf.rank(0) != 2 || inf.rank(3) != 2) throw InvalidNode("ids or embeddings of another rank");
  const std::int64_t tokens = inf.dims(0)[1];
  if (!inf.has_input(8) && tokens > inf.dims(3)[0]) throw InvalidNode("the sequence has no such position");
  const Expected words = looked_up(inf, 2, 0);
  const Expected positions = inf.has_input(8) ? looked_up(inf, 3, 8) : part(inf, inf.input(3), 0, 0, tokens);
  if (words.type.dims.size() != 3 || !broadcasts_to(positions.type.dims, words.type.dims))
    throw InvalidNode("the embeddings do not fit each other");
  std::vector<const Expected*> terms = {&words, &positions};
  Expected segments;
  if (inf.has_input(1)) {
    segments = looked_up(inf, 4, 1);
    terms.push_back(&segments);
  }
  check_vector(inf, 5, words.type.dims);
  check_vector(inf, 6, words.type.dims);
  std::vector<Expected> made(3);
  made[2] = apply(inf, "Sum", {}, terms);
  made[0] = apply(inf, "LayerNormalization", last_axis(inf), {&made[2], &inf.input(5), &inf.input(6)});
  made[1] = mask_index(inf);
  return made;
}

constexpr OpSpec specs[] = {
    composed<simplified_layer_norm>("SimplifiedLayerNormalization", ""),
    composed<skip_layer_norm>("SkipLayerNormalization"),
    composed<skip_simplified_layer_norm>("SkipSimplifiedLayerNormalization"),
    composed<embed_layer_norm>("EmbedLayerNormalization"),
};

}  // namespace

namespace family {
extern constinit const Family contrib_norm = specs;
}

}  // namespace mob::ops
