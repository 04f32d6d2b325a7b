using System.CommandLine;
using LowLatency.Bench.Floors;

namespace LowLatency.Bench.Cli;

/// <summary><c>echo</c>: the other end of a ping-pong, started by this program itself.</summary>
internal static class EchoCommand
{
    internal static Command Create()
    {
        var size = new Option<int>("--size") { DefaultValueFactory = _ => 128 };
        var spin = new Option<bool>("--spin");
        var command = new Command("echo", "Echo bytes over TCP for the ping-pong floor.") { size, spin };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            PingPong.Echo(parsed.GetValue(size), parsed.GetValue(spin));
            return 0;
        });
        return command;
    }
}
