using System.Text;
using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Names and keys: UTF-8 of at most 255 bytes.</summary>
internal static class Names
{
    private const int MaxLength = 255;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="LowLatencyException"><see cref="ErrorCode.InvalidName"/>: empty, too long, or half a surrogate pair.</exception>
    internal static void Check(string name, string what)
    {
        ArgumentNullException.ThrowIfNull(name, what);
        if (name.Length == 0)
            throw new LowLatencyException(ErrorCode.InvalidName, $"The {what} is empty: name it with 1 to {MaxLength} bytes of UTF-8.");
        CheckMayBeEmpty(name, what);
    }

    /// <exception cref="LowLatencyException"><see cref="ErrorCode.InvalidName"/>: too long, or half a surrogate pair.</exception>
    internal static void CheckMayBeEmpty(string name, string what)
    {
        ArgumentNullException.ThrowIfNull(name, what);
        int length;
        try
        {
            length = Strict.GetByteCount(name);
        }
        catch (EncoderFallbackException error)
        {
            throw new LowLatencyException(ErrorCode.InvalidName, $"The {what} is not valid Unicode: half of a surrogate pair is missing.", error);
        }

        if (length > MaxLength)
            throw new LowLatencyException(ErrorCode.InvalidName, $"The {what} has {length} bytes of UTF-8: it may have {MaxLength}.");
    }
}
