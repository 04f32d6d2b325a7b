using System.CommandLine;
using LowLatency.Bench.Cli;

var root = new RootCommand("""
    Measures LowLatency, each figure beside the floor of the machine it runs on, each message verified.

    What the machine itself needs:
      dotnet run -c Release --project bench -- floor
    The lowest latency, from a spinning client to a spinning server and back; then the default, which sleeps when idle:
      dotnet run -c Release --project bench -- latency --idle spin --rate 10000 --size 128 --runs 5
      dotnet run -c Release --project bench -- latency --runs 5
    Confirms that survive power loss, on the disk of your choice:
      dotnet run -c Release --project bench -- confirm --durability disk --data ./data --runs 5
    As much as goes through, over TCP, in-process, and through a ring alone:
      dotnet run -c Release --project bench -- throughput --json
      dotnet run -c Release --project bench -- throughput --door inproc
      dotnet run -c Release --project bench -- throughput --door ring
    What exchanges and queues cost, each figure beside what it is to reach:
      dotnet run -c Release --project bench -- model
    What the store costs when it grows, and when it is read again:
      dotnet run -c Release --project bench -- journal
    What compression costs and spares on the wire:
      dotnet run -c Release --project bench -- compression

    Results go to standard output, progress to standard error. A run in which a message was lost, repeated, out of order
    or altered says so and ends with exit code 1. For an AOT server: dotnet publish native-aot -c Release -o artifacts
    """)
{
    RunCommand.Latency(),
    RunCommand.Throughput(),
    RunCommand.Confirm(),
    RunCommand.Server(),
    FloorCommand.Create(),
    MicroCommand.Create(),
    ModelCommand.Create(),
    JournalCommand.Create(),
    CompressionCommand.Create(),
    SuiteCommand.Create(),
    EchoCommand.Create(),
};
return root.Parse(args).Invoke();
