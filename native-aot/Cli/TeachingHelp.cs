using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace LowLatency.Server.Cli;

/// <summary>The usual help of a command, and below it what it looks like in use.</summary>
internal sealed class TeachingHelp : SynchronousCommandLineAction
{
    private readonly HelpAction _help;
    private readonly Dictionary<Command, string> _lessons = [];

    private TeachingHelp(HelpAction help) => _help = help;

    // Help is asked for, whatever else is wrong with the line.
    public override bool ClearsParseErrors => true;

    /// <summary>Puts itself in the place of the help option's action.</summary>
    internal static TeachingHelp Install(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        var teaching = new TeachingHelp((HelpAction)option.Action!);
        option.Action = teaching;
        return teaching;
    }

    /// <summary>Text to print below the help of a command.</summary>
    internal void Teach(Command command, string lesson) => _lessons[command] = lesson;

    public override int Invoke(ParseResult parseResult)
    {
        int result = _help.Invoke(parseResult);
        if (_lessons.TryGetValue(parseResult.CommandResult.Command, out string? lesson))
            parseResult.InvocationConfiguration.Output.WriteLine(lesson);
        return result;
    }
}
