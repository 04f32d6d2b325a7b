using System.CommandLine;
using LowLatency.Bench.Cli;

var root = new RootCommand("""
    Measures LowLatency: one-way latency, throughput and confirm times, each beside the floor of the machine it runs on.

    Start with
      dotnet run -c Release --project bench -- floor
      dotnet run -c Release --project bench -- latency --idle spin
      dotnet run -c Release --project bench -- throughput --json
    """)
{
    RunCommand.Latency(),
    RunCommand.Throughput(),
    RunCommand.Confirm(),
    FloorCommand.Create(),
    EchoCommand.Create(),
};
return root.Parse(args).Invoke();
