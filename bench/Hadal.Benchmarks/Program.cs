using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Hadal.Benchmarks;

if (args is ["grammars", .. var rest])
    return GrammarTimes.Run(rest);

// In this process: a project that is generated for each benchmark would not find the native library.
IEnumerable<Summary> summaries = BenchmarkSwitcher
    .FromTypes([typeof(CallBenchmarks), typeof(OpBenchmarks), typeof(ModelBenchmarks)])
    .Run(["--inProcess", .. args]);
return summaries.Any(s => s.HasCriticalValidationErrors || s.Reports.Any(r => !r.Success)) ? 1 : 0;
