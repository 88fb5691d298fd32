"""Long documents as sound: audiobooks from books, and a sound track from subtitles."""
