// Convolutions by cuDNN: on the emulated device with the emulated library, and on a real one where cuDNN is.
#include <cudnn.h>
#include <gmock/gmock.h>

#include <fstream>

#include "core/error.h"
#include "engine/conv_plan.h"
#include "engine/small_net.h"

namespace qrun {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

/// Everything of a run begins on 16 bytes; two layers with an input gradient between them.
RunSpec two_convs(std::uint64_t seed, int bits) {
  RunSpec spec = small_net(seed, bits);
  spec.products = Products::kCudnn;
  std::get<Conv2dLayer>(spec.network[0].params).out_channels = 8;
  LayerSpec conv2 = layer("conv2", "relu1", Conv2dLayer{.out_channels = 12, .kernel_size = 3, .stride = 2});
  conv2.weight_quant = spec.network[0].weight_quant;
  conv2.activation_quant = spec.network[0].activation_quant;
  spec.network.insert(spec.network.begin() + 3, conv2);
  spec.network.back().input = {"conv2"};
  return spec;
}

std::unique_ptr<Engine> emulated_engine(const std::string& folder = emulated_cudnn().folder) {
  return std::make_unique<cuda::CudaEngine>(EngineInfo{.name = "cuda", .device = "emulated"},
                                            cuda::LibraryPlace{folder, this_build()});
}

std::vector<EngineCase> device_cases() {
  std::vector<EngineCase> cases = engine_cases();
  std::erase_if(cases, [](const EngineCase& c) { return c.engine == "cpu"; });
  return cases;
}

class CudnnTest : public testing::TestWithParam<EngineCase> {
 protected:
  void SetUp() override {
    engine_ = make_engine(GetParam());
    const LibraryInfo library = engine_->product_library();
    ASSERT_TRUE(GetParam().engine != "emulated" || !library.name.empty()) << library.problem;
    if (library.name.empty()) GTEST_SKIP() << library.problem;
  }
  std::unique_ptr<Engine> engine_;
};
INSTANTIATE_TEST_SUITE_P(Engines, CudnnTest, testing::ValuesIn(device_cases()), case_name);

const ConvShape kMeasuredShape{.c = 64, .h = 14, .w = 14, .o = 64, .k = 3, .stride = 1, .pad = 1, .groups = 1};

const std::pair<std::int64_t, ConvShape> kLibraryConvs[] = {
    {2, {.c = 4, .h = 9, .w = 7, .o = 8, .k = 3, .stride = 1, .pad = 1, .groups = 1}},
    {3, {.c = 2, .h = 12, .w = 12, .o = 8, .k = 5, .stride = 1, .pad = 0, .groups = 1}},
    {5, {.c = 4, .h = 11, .w = 10, .o = 12, .k = 3, .stride = 2, .pad = 1, .groups = 1}},
    {3, {.c = 8, .h = 6, .w = 5, .o = 8, .k = 3, .stride = 1, .pad = 1, .groups = 8}},
    {3, {.c = 8, .h = 8, .w = 8, .o = 12, .k = 3, .stride = 2, .pad = 1, .groups = 4}},
    {16, {.c = 8, .h = 4, .w = 4, .o = 12, .k = 1, .stride = 1, .pad = 0, .groups = 1}},
    {17, {.c = 1, .h = 28, .w = 28, .o = 20, .k = 5, .stride = 1, .pad = 0, .groups = 1}},
    {3, {.c = 4, .h = 8, .w = 10, .o = 8, .k = {3, 5}, .stride = {1, 2}, .pad = {1, 0}}},
    {2, {.c = 4, .h = 12, .w = 9, .o = 8, .k = {2, 3}, .stride = {2, 1}, .pad = {3, 2}, .dilation = {3, 2}}},
};

TEST_P(CudnnTest, ConvolutionsStayInsideTheRoundingBound) {
  for (const Precision precision : {Precision::kFp32, Precision::kTf32}) {
    for (const auto& [n, s] : kLibraryConvs) {
      const ConvPlan conv(s, n, precision, Products::kCudnn);
      const auto program = engine_->load(conv.plan(), {});
      fill_with_nans(program->steps(), conv.plan());
      conv.expect_inside_the_bound(*program);
      std::cout << text(s, n) << (precision == Precision::kTf32 ? " tf32: " : ": ") << program->products().text << "\n";
    }
  }
}

// And prints all of them, for docs/gpu-log.md.
TEST_P(CudnnTest, TheChoiceIsOneOfTheLibrarysAnswers) {
  const bool emulated = GetParam().engine == "emulated";
  const cuda::LibraryProbe probe =
      cuda::open_cudnn(emulated ? emulated_cudnn() : cuda::LibraryPlace{program_folder().string(), this_build()});
  ASSERT_TRUE(probe.convs) << probe.problem;
  for (const bool tf32 : {false, true}) {
    for (const auto direction : {cuda::Direction::kForward, cuda::Direction::kData, cuda::Direction::kWeight}) {
      const cuda::LibraryConv conv{kMeasuredShape, 64, direction, tf32};
      const std::string answers = probe.convs->answers(conv);
      const auto path = probe.convs->choose(conv);
      std::cout << text(conv.s, conv.n) << " direction " << static_cast<int>(direction) << (tf32 ? " tf32" : "") << ": "
                << (path ? path->text : "own") << " of " << answers << "\n";
      const std::string chosen = path ? path->text + " " + std::to_string(path->workspace >> 10) + "K" : "";
      EXPECT_THAT(answers, HasSubstr(chosen));
    }
  }
}

// A launch behind the library's adds biases and finds maxima, where single steps look at all values once more.
TEST_P(CudnnTest, AnIterationAsAWholeGivesTheBitsOfItsSteps) {
  const Pack whole = start({two_convs(1, 2)}, std::move(engine_));
  whole.program->train(1, kGoOn);
  const Pack apart = start({two_convs(1, 2)}, make_engine(GetParam()));
  StepAccess& steps = apart.program->steps();
  StripeFeed feed(1000);
  const Batch batch = feed.fetch(0, 20);
  steps.write(0, Operand::value(apart.plan.images), 20, Floats(batch.images, batch.images + 2000));
  steps.write(0, Operand::labels(), 20, Floats(batch.labels, batch.labels + 20));
  for (std::size_t step = 0; step < apart.plan.steps.size(); ++step) steps.run_step(0, step, 20);
  const TrainingState want = apart.program->state(0);
  const TrainingState got = whole.program->state(0);
  EXPECT_EQ(got.statistics, want.statistics);
  for (std::size_t p = 0; p < want.params.size(); ++p) EXPECT_EQ(got.params[p].master, want.params[p].master) << p;
}

TEST_P(CudnnTest, ARunInAPackGetsWhatItGetsAloneAndTwice) {
  std::vector<RunSpec> specs = {two_convs(1, 2), two_convs(2, 0), two_convs(3, 4)};
  specs[2].solver.lr = 0.02;
  const Pack pack = start(specs, std::move(engine_));
  EXPECT_THAT(pack.program->products().text, HasSubstr("conv2 forward="));
  const TrainResult together = pack.program->train(6, kGoOn);
  const std::vector<TestResult> tests = pack.program->test(0);
  for (std::size_t run = 0; run < specs.size(); ++run) {
    const Pack alone = start({specs[run]}, make_engine(GetParam()));
    EXPECT_EQ(alone.program->products().text, pack.program->products().text);
    EXPECT_EQ(alone.program->train(6, kGoOn).losses[0], together.losses[run]);
    EXPECT_EQ(alone.program->test(0)[0].loss, tests[run].loss);
    EXPECT_EQ(alone.program->state(0).params[0].master, pack.program->state(static_cast<int>(run)).params[0].master);
  }
}

TEST_P(CudnnTest, AResumedRunGetsWhatOneGetsThatWasNotInterrupted) {
  const Pack whole = start({two_convs(1, 2)}, std::move(engine_));
  const Floats losses = whole.program->train(7, kGoOn).losses[0];
  const Pack first = start({two_convs(1, 2)}, make_engine(GetParam()));
  first.program->train(4, kGoOn);
  const Pack second = start({two_convs(1, 2)}, make_engine(GetParam()));
  second.program->restore(0, first.program->state(0));
  EXPECT_EQ(second.program->train(3, kGoOn).losses[0], Floats(losses.begin() + 4, losses.end()));
  EXPECT_EQ(second.program->state(0).params[0].master, whole.program->state(0).params[0].master);
}

/// With the emulated library as it is by default.
class EmulatedCudnn : public testing::Test {
 protected:
  void SetUp() override { emulation::cudnn = {}; }
  void TearDown() override {
    EXPECT_EQ(emulation::cudnn.handles, 0);
    EXPECT_EQ(emulation::cudnn.descriptors, 0);
    emulation::cudnn = {};
  }
  /// What the engine takes for a convolution.
  static ProductPaths paths(const ConvShape& s, std::int64_t n, Products products,
                            Precision precision = Precision::kFp32) {
    const ConvPlan conv(s, n, precision, products);
    return emulated_engine()->load(conv.plan(), {})->products();
  }
  static std::string problem_of(const std::string& folder) {
    try {
      (void)start({two_convs(1, 2)}, emulated_engine(folder));
    } catch (const EnvironmentError& error) {
      return error.what();
    }
    return "";
  }
};

const ConvShape kSmall{.c = 4, .h = 8, .w = 8, .o = 8, .k = 3, .stride = 1, .pad = 1, .groups = 1};

// Before it, the emulated heuristic names a transform, one of other bits each time, one of half precision, one that is
// not supported, and one that wants more than 256 MiB.
TEST_F(EmulatedCudnn, TheFirstAnswerIsTakenThatGivesTheSameBitsInTheArithmeticAskedFor) {
  EXPECT_EQ(paths(kSmall, 2, Products::kCudnn).text, "cudnn 91900; layer forward=1/fma data=1/fma weight=1/fma");
  EXPECT_EQ(paths(kSmall, 2, Products::kCudnn, Precision::kTf32).text,
            "cudnn 91900; layer forward=1/default data=1/default weight=1/default");
}

TEST_F(EmulatedCudnn, TheChoiceIsNamedLayerByLayer) {
  const Pack loaded = start({two_convs(1, 2)}, emulated_engine());
  EXPECT_EQ(loaded.program->products().text,
            "cudnn 91900; conv1 forward=1/fma test=1/fma weight=1/fma; "
            "conv2 forward=1/fma test=1/fma weight=1/fma data=1/fma");
}

TEST_F(EmulatedCudnn, WhereNoAnswerWillDoTheOwnProductIsTaken) {
  constexpr std::size_t kLimit = std::size_t{256} << 20;
  emulation::cudnn.workspace[1] = kLimit + 1;
  EXPECT_EQ(paths(kSmall, 2, Products::kCudnn).text, "cudnn 91900; layer forward=1/fma data=own weight=1/fma");
  const auto results = [](Products products) {
    const ConvPlan conv(kSmall, 2, Precision::kFp32, products);
    return conv.results(*emulated_engine()->load(conv.plan(), {}));
  };
  const std::vector<Floats> mixed = results(Products::kCudnn);
  const std::vector<Floats> own = results(Products::kOwn);
  EXPECT_NE(mixed[0], own[0]) << "the emulated library adds in an order of its own";
  EXPECT_EQ(mixed[1], own[1]);
  EXPECT_NE(mixed[2], own[2]);
}

TEST_F(EmulatedCudnn, WhatTheLibraryDoesNotSupportIsTheEnginesOwn) {
  ConvShape s = kSmall;
  s.k = 7;
  EXPECT_EQ(paths(s, 2, Products::kCudnn).text, "");
  s = kSmall;
  s.h = s.w = 9;
  s.c = 1;
  EXPECT_EQ(paths(s, 2, Products::kCudnn).text, "") << "81 values: the second run would not begin on 16 bytes";
}

TEST_F(EmulatedCudnn, AutoTakesTheLibraryFromTheSizeOnThatWasMeasured) {
  const auto text = [](auto change, std::int64_t n = 64, Precision precision = Precision::kTf32) {
    ConvShape s = kMeasuredShape;
    change(s);
    return paths(s, n, Products::kAuto, precision).text;
  };
  EXPECT_THAT(text([](ConvShape&) {}), ContainsRegex("forward=./.* data=./.* weight=./"));
  EXPECT_THAT(text([](ConvShape& s) { s.h = 16; }), HasSubstr("forward="));
  EXPECT_EQ(text([](ConvShape& s) { s.c = 60; }), "");
  EXPECT_EQ(text([](ConvShape& s) { s.o = 60; }), "");
  EXPECT_EQ(text([](ConvShape& s) { s.h = 13; }), "");
  EXPECT_EQ(text([](ConvShape& s) { s.k = 5; }), "");
  EXPECT_EQ(text([](ConvShape& s) { s.groups = 2; }), "");
  EXPECT_EQ(text([](ConvShape& s) { s.dilation = s.pad = 2; }), "");
  EXPECT_EQ(text([](ConvShape&) {}, 63), "");
  EXPECT_EQ(text([](ConvShape&) {}, 64, Precision::kFp32), "");
}

TEST_F(EmulatedCudnn, TheLibraryIsOpenedWhereAPlanUsesItOnly) {
  for (const Products products : {Products::kOwn, Products::kAuto}) {
    RunSpec spec = two_convs(1, 2);
    spec.products = products;
    const Pack loaded = start({spec}, emulated_engine());
    EXPECT_EQ(emulation::cudnn.handles, 0);
    EXPECT_EQ(loaded.program->products().problem, "");
  }
  const Pack loaded = start({two_convs(1, 2)}, emulated_engine());
  EXPECT_EQ(emulation::cudnn.handles, 2) << "for the main stream and the branch";
}

TEST_F(EmulatedCudnn, EachRunOfAPackIsACallOfItsOwn) {
  const auto calls_of = [](std::size_t runs) {
    std::vector<RunSpec> specs;
    for (std::uint64_t seed = 1; seed <= runs; ++seed) specs.push_back(two_convs(seed, 2));
    const Pack loaded = start(specs, emulated_engine());
    emulation::cudnn.calls = {};
    loaded.program->train(1, kGoOn);
    return emulation::cudnn.calls;
  };
  EXPECT_EQ(calls_of(1), (std::array{4, 2, 4})) << "two layers: once before the graph, once in it";
  EXPECT_EQ(calls_of(3), (std::array{8, 4, 8})) << "once before the graph, three times in it";
}

TEST_F(EmulatedCudnn, AMissingOneIsNamed) {
  EXPECT_EQ(problem_of("/nowhere"),
            "cudnn: no libqrun_cudnn.so beside the program; this build was made without cuDNN; products: own goes "
            "without cuDNN");
}

TEST_F(EmulatedCudnn, ALibraryThatItLacksIsNamed) {
  const std::filesystem::path folder = program_folder() / "absent";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no plug-in that lacks one beside this program";
  EXPECT_THAT(problem_of(folder.string()),
              AllOf(HasSubstr("cudnn: libqrun_absent_library.so: cannot open shared object file"),
                    HasSubstr("products: own goes without cuDNN")));
}

TEST_F(EmulatedCudnn, OneOfAnotherBuildIsRefused) {
  const std::filesystem::path folder = program_folder() / "other";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no other plug-in beside this program";
  setenv("QRUN_TEST_BUILD", "1.2.3 (abc)", 1);
  EXPECT_THAT(problem_of(folder.string()),
              HasSubstr("libqrun_cudnn.so belongs to version 1.2.3 (abc), this is " + this_build()));
}

TEST_F(EmulatedCudnn, AnotherMajorVersionIsRefused) {
  emulation::cudnn.version = 8907;
  EXPECT_THAT(problem_of(emulated_cudnn().folder), HasSubstr("cudnn: libcudnn is of version 8, this needs 9"));
}

TEST_F(EmulatedCudnn, ADeviceThatItDoesNotTakeIsNamed) {
  emulation::cudnn.has_device = false;
  EXPECT_THAT(problem_of(emulated_cudnn().folder), HasSubstr("CUDNN_STATUS_NOT_INITIALIZED"));
}

TEST_F(EmulatedCudnn, AutoGoesWithoutOneThatIsMissingAndSaysSo) {
  const ConvPlan conv(kMeasuredShape, 64, Precision::kTf32, Products::kAuto);
  const ProductPaths paths = emulated_engine("/nowhere")->load(conv.plan(), {})->products();
  EXPECT_EQ(paths.text, "");
  EXPECT_THAT(paths.problem, HasSubstr("no libqrun_cudnn.so"));
}

TEST_F(EmulatedCudnn, TheEngineNamesItsLibraryOrWhyItHasNone) {
  EXPECT_EQ(emulated_engine()->product_library().name, "cudnn 91900");
  const LibraryInfo none = emulated_engine("/nowhere")->product_library();
  EXPECT_EQ(none.name, "");
  EXPECT_THAT(none.problem, HasSubstr("no libqrun_cudnn.so"));
  const LibraryInfo cpu = make_cpu_engine(1)->product_library();
  EXPECT_EQ(cpu.name + cpu.problem, "") << "it has no use for one";
}

// The one of this build, with the real cuDNN: without a device it says what is missing.
TEST(RealCudnn, OpensOrSaysWhatIsMissing) {
  const cuda::LibraryProbe probe = cuda::open_cudnn({program_folder().string(), this_build()});
  if (probe.problem.ends_with("made without cuDNN")) GTEST_SKIP() << probe.problem;
  if (probe.convs) {
    EXPECT_THAT(probe.convs->name(), MatchesRegex("cudnn 9[0-9]+"));
  } else {
    EXPECT_THAT(probe.problem, AllOf(testing::StartsWith("cudnn: "), Not(HasSubstr("belongs to version")),
                                     Not(HasSubstr("undefined symbol"))));
  }
}

}  // namespace
}  // namespace qrun
