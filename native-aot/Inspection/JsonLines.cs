using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using LowLatency.Server.Cli;
using LowLatency.Server.Lines;

namespace LowLatency.Server.Inspection;

/// <summary>Writes JSON objects, one a line, to a file descriptor.</summary>
internal sealed class JsonLines : IDisposable
{
    private const int FlushLength = 64 * 1024;

    private readonly ArrayBufferWriter<byte> _buffer = new(2 * FlushLength);
    private readonly int _descriptor;

    /// <param name="descriptor">Open for writing; see <see cref="OutputFile"/>.</param>
    internal JsonLines(int descriptor)
    {
        _descriptor = descriptor;
        // Read by people too: only what JSON itself asks for is escaped.
        Json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
    }

    /// <summary>Writes the current line's object: begin it, end it, then <see cref="EndLine"/>.</summary>
    internal Utf8JsonWriter Json { get; }

    /// <summary>Lines ended so far.</summary>
    internal long Count { get; private set; }

    /// <exception cref="CliException">The output refused.</exception>
    internal void EndLine()
    {
        Json.Flush();
        Json.Reset();
        _buffer.Write("\n"u8);
        Count++;
        if (_buffer.WrittenCount >= FlushLength)
            Flush();
    }

    /// <summary>Hands over everything.</summary>
    /// <inheritdoc cref="EndLine"/>
    internal void Flush()
    {
        try
        {
            OutputFile.WriteAll(_descriptor, _buffer.WrittenSpan);
            _buffer.ResetWrittenCount();
        }
        catch (IOException error)
        {
            throw new CliException(ExitCode.InputOrOutput, $"The output cannot be written after {Quantity.Count(Count, "line")}: {error.Message}.", error);
        }
    }

    public void Dispose() => Json.Dispose();
}
