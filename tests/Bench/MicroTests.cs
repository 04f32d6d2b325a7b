using System.Globalization;
using System.Reflection;
using BenchmarkDotNet.Attributes;
using LowLatency.Bench.Cli;
using Xunit;

namespace LowLatency.Tests.Bench;

/// <summary>Calls each micro-benchmark some hundred times, so that none rots.</summary>
public class MicroTests
{
    public static TheoryData<string, string> Benchmarks()
    {
        var data = new TheoryData<string, string>();
        foreach (Type type in MicroCommand.BenchmarkTypes)
        {
            foreach (MethodInfo method in type.GetMethods().Where(m => m.GetCustomAttribute<BenchmarkAttribute>() is not null))
                data.Add(type.Name, method.Name);
        }
        return data;
    }

    [Theory, MemberData(nameof(Benchmarks))]
    public void ShouldRunAndReturnSomething(string typeName, string methodName)
    {
        Type type = MicroCommand.BenchmarkTypes.Single(t => t.Name == typeName);
        object benchmark = Activator.CreateInstance(type)!;
        try
        {
            Invoke<GlobalSetupAttribute>(benchmark);
            MethodInfo method = type.GetMethod(methodName)!;
            for (int i = 0; i < 200; i++)
                Assert.NotEqual(0L, Convert.ToInt64(method.Invoke(benchmark, null), CultureInfo.InvariantCulture));
        }
        finally
        {
            Invoke<GlobalCleanupAttribute>(benchmark);
        }
    }

    private static void Invoke<TAttribute>(object benchmark)
        where TAttribute : Attribute
        => benchmark.GetType().GetMethods().SingleOrDefault(m => m.GetCustomAttribute<TAttribute>() is not null)?.Invoke(benchmark, null);
}
